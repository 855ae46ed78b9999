// SPDX-License-Identifier: BSD-3-Clause
// The control plane: order of start and stop, and what the exit status says: 0 ended as asked,
// 2 bad usage or a configuration that can't be used, 1 anything else that failed.
// It needs the control: section to know its own sockets; anything else in the file may be wrong, for
// then the last good revision is taken (serve_change.h). It may be killed at any moment.
// Thread: this one.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cfg.h"
#include "compile.h"
#include "core_loop.h"
#include "core_priv.h"
#include "log.h"
#include "rad_conf.h"
#include "serve.h"

LOG_COMPONENT("main");

enum { EXIT_BAD = 2 }; // usage or configuration

static const char usage[] =
	"usage: mailweir-controlplane [-c FILE] [-l LEVEL] [--check]\n"
	"       mailweir-controlplane -h | -V\n"
	"  -c, --config FILE  configuration (default /etc/mailweir/mailweir.yaml)\n"
	"  -l, --log LEVEL    err, warning, notice (default), info or debug\n"
	"      --check        check the configuration and its rules, then end\n"
	"  -h, --help         print this text and end\n"
	"  -V, --version      print the version and end\n"
	"Exit status: 0 ended as asked, 1 failed, 2 bad usage or configuration.\n";

struct options {
	const char *file;
	bool check;
};

// 0, or the exit status + 1.
static int options_take(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"log", required_argument, NULL, 'l'},
		{"check", no_argument, NULL, 'C'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	enum log_level level;
	int c;

	while ((c = getopt_long(argc, argv, "c:l:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			opt->file = optarg;
			break;
		case 'C':
			opt->check = true;
			break;
		case 'l':
			if (!log_level_parse(optarg, &level)) {
				(void)fprintf(stderr,
					"mailweir-controlplane: -l %s: no such level\n", optarg);
				return EXIT_BAD + 1;
			}
			log_level_set(level);
			break;
		case 'V':
			(void)puts("mailweir-controlplane " MAILWEIR_VERSION);
			return EXIT_SUCCESS + 1;
		case 'h':
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS + 1;
		default:
			(void)fputs(usage, stderr);
			return EXIT_BAD + 1;
		}
	}
	if (optind != argc) {
		(void)fputs(usage, stderr);
		return EXIT_BAD + 1;
	}
	return 0;
}

// What a start would find out, here and now.
static int check(const char *file)
{
	struct rad_client *clients = NULL;
	struct err_list err;
	struct cfg *cfg;
	uint32_t n = 0;
	int rc = -EINVAL;

	err_init(&err);
	cfg = cfg_load(file, &err);
	if (cfg != NULL)
		rc = compile_check(cfg, &err);
	if (rc == 0)
		rc = rad_conf_clients(cfg, &clients, &n, &err);
	rad_conf_free(clients, n);
	err_print(&err, stderr);
	if (cfg != NULL)
		cfg_free(cfg);
	return rc == 0 ? EXIT_SUCCESS : rc == -EINVAL ? EXIT_BAD : EXIT_FAILURE;
}

static void on_stop(int signo, void *arg)
{
	LOG(NOTICE, "stop: signal %d", signo);
	core_loop_stop(arg);
}

static void on_reload(int signo, void *arg)
{
	(void)signo; // SIGHUP
	serve_reload(arg);
}

// Everything between opening and closing. The exit status.
static int run(
	struct core_loop *loop, const struct cfg *boot, const char *file, struct err_list *err)
{
	struct core_signal *term = NULL, *intr = NULL, *hup = NULL;
	struct serve *s;
	int rc;

	s = serve_open(&(struct serve_conf){.loop = loop,
			       .boot = boot,
			       .file = file,
			       .version = MAILWEIR_VERSION},
		err);
	if (s == NULL)
		return EXIT_FAILURE;
	rc = core_priv_drop(boot->control.user_controlplane, 0, err);
	if (rc == 0)
		rc = serve_start(s, err);
	term = core_signal_new(loop, SIGTERM, on_stop, loop);
	intr = core_signal_new(loop, SIGINT, on_stop, loop);
	hup = core_signal_new(loop, SIGHUP, on_reload, s);
	if (rc == 0 && (term == NULL || intr == NULL || hup == NULL))
		err_add(err, "signals: %s", strerror(rc = -ENOMEM));
	if (rc == 0) {
		LOG(NOTICE, "start: version " MAILWEIR_VERSION ", rpc %s, link %s",
			boot->control.rpc, boot->control.link);
		rc = core_loop_run(loop);
		if (rc != 0)
			err_add(err, "event loop: %s", strerror(-rc));
	}
	core_signal_free(hup);
	core_signal_free(intr);
	core_signal_free(term);
	serve_free(s);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options opt = {.file = "/etc/mailweir/mailweir.yaml"};
	struct core_loop *loop;
	struct err_list err;
	struct cfg *boot;
	int rc = compile_child(argc, argv);

	if (rc >= 0)
		return rc;
	log_ident_set("mailweir-controlplane");
	rc = options_take(argc, argv, &opt);
	if (rc != 0)
		return rc - 1;
	if (opt.check)
		return check(opt.file);
	err_init(&err);
	boot = cfg_load_boot(opt.file, &err);
	loop = boot == NULL ? NULL : core_loop_new();
	if (boot == NULL) {
		rc = EXIT_BAD;
	} else if (loop == NULL) {
		err_add(&err, "event loop: %s", strerror(errno));
		rc = EXIT_FAILURE;
	} else {
		rc = run(loop, boot, opt.file, &err);
		core_loop_free(loop);
	}
	for (unsigned i = 0; rc != EXIT_SUCCESS && i < err.kept; i++) {
		if (!err.is_warning[i])
			LOG(ERR, "%s", err.text[i]);
	}
	if (boot != NULL)
		cfg_free(boot);
	return rc;
}
