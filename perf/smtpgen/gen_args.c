// SPDX-License-Identifier: BSD-3-Clause
// Options: one table, by which they are also explained. Thread: start.
#include "gen_args.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen_rand.h"

enum kind {
	NUMBER,
	LARGE,
	SMALL,
	SHARE,
	THOUSANDTHS,
	SECONDS,
	TEXT,
	IP4,
	IP6,
	MAC,
	SWITCH_ON,
	SWITCH_OFF
};

struct option_row {
	const char *name;
	enum kind kind;
	size_t at; // in struct gen_args
	const char *help;
};

#define CONF(field) offsetof(struct gen_args, conf.field)

static const struct option_row ROWS[] = {
	{"seed", LARGE, CONF(seed), "what all is drawn from (1)"},
	{"sessions", LARGE, CONF(sessions), "sessions in all (0: until --seconds or SIGINT)"},
	{"seconds", SECONDS, offsetof(struct gen_args, seconds), "no new sessions after so many"},
	{"at-once", NUMBER, CONF(at_once), "sessions open at a time (2048)"},
	{"rate", NUMBER, CONF(rate), "sessions begun a second (0: as fast as they end)"},
	{"size", NUMBER, CONF(size), "octets of a message, median (4096)"},
	{"spread", THOUSANDTHS, CONF(spread), "sigma of the sizes' logarithm (1.0; 0: all equal)"},
	{"max-size", NUMBER, CONF(size_max), "the largest message (262144)"},
	{"recipients", NUMBER, CONF(rcpt_max), "most recipients of a message (3)"},
	{"mails", NUMBER, CONF(mails_max), "most messages of a session (2)"},
	{"spam", SHARE, CONF(spam), "% of sessions' last messages with the marker (10)"},
	{"attach", SHARE, CONF(attach), "% of messages with an attachment in base64 (10)"},
	{"pipelining", SHARE, CONF(pipelining),
		"% of sessions that send MAIL to DATA in one go (50)"},
	{"unknown", SHARE, CONF(unknown),
		"% of messages with a recipient that the server refuses (2)"},
	{"refused", SHARE, CONF(refused), "% of sessions from addresses that get 554 (0)"},
	{"aborts", SHARE, CONF(aborted), "% of sessions that the client resets in between (0)"},
	{"ipv6", SHARE, CONF(v6), "% of sessions over IPv6 (0)"},
	{"loss-sent", SHARE, CONF(loss_sent), "% of frames lost before they leave (0)"},
	{"loss-got", SHARE, CONF(loss_got), "% of frames lost after they came (0)"},
	{"reorder", SHARE, CONF(reorder), "% of frames that overtake the one before (0)"},
	{"marker", TEXT, CONF(marker), "the line that condemns a message (GTUBE's)"},
	{"mss", SMALL, CONF(mss), "octets of a segment (1460)"},
	{"window", SMALL, CONF(window), "octets a receiver offers (65535)"},
	{"rto-min", NUMBER, CONF(rto_min_ms), "ms before the first repeat by timer (200)"},
	{"patience", NUMBER, CONF(patience_ms), "ms without progress that end a session (120000)"},
	{"clients", NUMBER, CONF(clients), "client addresses, a power of two (1024)"},
	{"client4", IP4, CONF(client4), "clients are behind it (10.1.0.0)"},
	{"refused4", IP4, CONF(refused4), "clients that get 554 are behind it (10.99.0.0)"},
	{"server4", IP4, CONF(server4), "the server (192.0.2.25)"},
	{"client6", IP6, CONF(client6), "clients are behind it (fd77:1::)"},
	{"refused6", IP6, CONF(refused6), "clients that get 554 are behind it (fd77:99::)"},
	{"server6", IP6, CONF(server6), "the server (fd77:2::25)"},
	{"port", SMALL, CONF(port), "of the server (25)"},
	{"client-mac", MAC, CONF(own_mac[GEN_CLIENT]), "of the clients (02:00:00:00:00:01)"},
	{"client-next", MAC, CONF(far_mac[GEN_CLIENT]),
		"where their frames go (02:00:00:00:00:02)"},
	{"server-mac", MAC, CONF(own_mac[GEN_SERVER]), "of the servers (02:00:00:00:00:02)"},
	{"server-next", MAC, CONF(far_mac[GEN_SERVER]),
		"not used by answers: they go where frames came from"},
	{"no-verify", SWITCH_OFF, CONF(verify), "do not look at checksums"},
	{"queue", NUMBER, offsetof(struct gen_args, queue), "descriptors of a queue (1024)"},
	{"report", SECONDS, offsetof(struct gen_args, report_s), "a line of JSON so often"},
	{"hold", SWITCH_ON, offsetof(struct gen_args, hold),
		"begin when a line comes on standard input"},
};

enum { OPTIONS = sizeof(ROWS) / sizeof(ROWS[0]) };

static bool number_read(const char *text, double scale, double most, double *out)
{
	char *end;

	*out = strtod(text, &end) * scale;
	return end != text && *end == '\0' && *out >= 0 && *out <= most;
}

static bool mac_read(const char *text, uint8_t mac[6])
{
	unsigned b[6];
	char more;

	if (sscanf(text, "%x:%x:%x:%x:%x:%x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &more) !=
		6)
		return false;
	for (unsigned i = 0; i < 6; i++) {
		if (b[i] > 255)
			return false;
		mac[i] = (uint8_t)b[i];
	}
	return true;
}

static bool value_set(struct gen_args *a, const struct option_row *row, const char *text)
{
	void *to = (char *)a + row->at;
	struct in_addr v4;
	double v;

	switch (row->kind) {
	case NUMBER:
		return number_read(text, 1, UINT32_MAX, &v) &&
			(*(uint32_t *)to = (uint32_t)v, true);
	case LARGE:
		return number_read(text, 1, 1e15, &v) && (*(uint64_t *)to = (uint64_t)v, true);
	case SMALL:
		return number_read(text, 1, UINT16_MAX, &v) &&
			(*(uint16_t *)to = (uint16_t)v, true);
	case SHARE:
		return number_read(text, GEN_WHOLE / 100.0, GEN_WHOLE, &v) &&
			(*(uint32_t *)to = (uint32_t)(v + 0.5), true);
	case THOUSANDTHS:
		return number_read(text, 1000, 1e6, &v) && (*(uint32_t *)to = (uint32_t)v, true);
	case SECONDS:
		return number_read(text, 1, 1e6, (double *)to);
	case TEXT:
		return *(const char **)to = text, true;
	case IP4:
		return inet_pton(AF_INET, text, &v4) == 1 &&
			(*(uint32_t *)to = ntohl(v4.s_addr), true);
	case IP6:
		return inet_pton(AF_INET6, text, to) == 1;
	case MAC:
		return mac_read(text, to);
	case SWITCH_ON:
	case SWITCH_OFF:
		*(bool *)to = row->kind == SWITCH_ON;
		return true;
	}
	return false;
}

static void help(void)
{
	puts("usage: smtpgen EAL-OPTIONS -- OPTIONS\n"
	     "Two ports: the first is the clients' side, the second the servers'.");
	for (unsigned i = 0; i < OPTIONS; i++)
		printf("  --%-12s %s\n", ROWS[i].name, ROWS[i].help);
}

int gen_args_read(struct gen_args *a, int argc, char **argv, int *code)
{
	struct option options[OPTIONS + 2] = {[OPTIONS] = {"help", no_argument, NULL, 'h'}};
	int at, c;

	*a = (struct gen_args){.queue = 1024};
	gen_conf_default(&a->conf);
	for (unsigned i = 0; i < OPTIONS; i++)
		options[i] = (struct option){.name = ROWS[i].name,
			.has_arg = ROWS[i].kind >= SWITCH_ON ? no_argument : required_argument};
	*code = 2;
	while ((c = getopt_long(argc, argv, "h", options, &at)) != -1) {
		if (c == 'h') {
			help();
			*code = 0;
			return -1;
		}
		if (c != 0)
			return -1;
		if (!value_set(a, &ROWS[at], optarg)) {
			fprintf(stderr, "smtpgen: --%s: %s: not in range\n", ROWS[at].name, optarg);
			return -1;
		}
	}
	const char *why =
		optind < argc ? "an argument that is no option" : gen_conf_check(&a->conf);
	if (why == NULL)
		return 0;
	fprintf(stderr, "smtpgen: %s\n", why);
	return -1;
}
