// SPDX-License-Identifier: BSD-3-Clause
// The life of a candidate: from texts to the data plane, and its end. Thread: the loop's.
#include "serve_shadow_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_link.h"
#include "core_loop.h"
#include "log.h"
#include "text.h"

LOG_COMPONENT("shadow");

// ---- a start

static void start_free(struct shadow_start *st)
{
	st->owner->start = NULL;
	serve_child_kill(st->child);
	serve_revision_free(st->rev);
	serve_shadow_run_free(st->run);
	free(st);
}

static void start_fail(struct shadow_start *st, int code, const char *why)
{
	LOG(WARNING, "no candidate runs: %s", why);
	serve_call_errors(st->call, code, &st->err, why);
	start_free(st);
}

static void on_deadline(void *arg)
{
	struct serve_shadow *sh = arg;

	if (sh->run->runs && core_now_us() >= sh->deadline_us) {
		// Refused where the data plane is gone, or a call to stop it is under way: fine.
		(void)core_link_shadow_push(sh->s->link, NULL, 0, 0, NULL, NULL);
		serve_shadow_over(sh, "its time is over");
	}
}

// The new run takes the last one's place where it can be told so, else it is given up.
static bool started(struct shadow_start *st, const uint64_t before[SHADOW_COUNTS])
{
	struct serve_shadow *sh = st->owner;
	struct shadow_run *run = st->run, *last = sh->run;
	json_t *answer;

	run->rev = st->rev;
	st->rev = NULL;
	run->runs = true;
	run->boot = core_link_hello(sh->s->link)->boot;
	run->since_s = time(NULL);
	run->until_s = run->since_s + (int64_t)st->minutes * 60;
	run->warnings = serve_json_lines(&st->err, true);
	memcpy(run->before, before, sizeof(run->before));
	memcpy(run->now, before, sizeof(run->now));
	sh->deadline_us = core_now_us() + st->minutes * UINT64_C(60000000);
	sh->run = run;
	answer =
		core_timer_once(sh->timer, st->minutes * 60000) == 0 ? serve_shadow_json(sh) : NULL;
	if (answer == NULL) {
		sh->run = last;
		(void)core_link_shadow_push(sh->s->link, NULL, 0, 0, NULL, NULL); // else with us
		return false;
	}
	st->run = NULL;
	serve_shadow_run_free(last);
	LOG(NOTICE,
		"candidate %" PRIu64 " by %s runs beside the policy in force for %" PRIu32 " min",
		run->rev->version, run->rev->author, st->minutes);
	serve_call_result(st->call, answer);
	return true;
}

static void on_pushed(void *arg, int status, const char *text)
{
	struct shadow_start *st = arg;
	uint64_t before[SHADOW_COUNTS];
	char why[ERR_TEXT_MAX];

	if (status == 0 && serve_shadow_counts(st->owner->s, before)) {
		if (started(st, before))
			start_free(st);
		else
			start_fail(st, API_RPC_ERR_INTERNAL, "out of memory");
		return;
	}
	(void)snprintf(why, sizeof(why), "the data plane refused the candidate: %s",
		*text != '\0' ? text : strerror(-status)); // cut where longer
	if (status == -ETIMEDOUT)
		start_fail(st, API_RPC_ERR_TIMEOUT, "the data plane did not answer in time");
	else if (status == 0 || status == -ENOTCONN)
		start_fail(st, API_RPC_ERR_DETACHED, "the data plane went before it answered");
	else
		start_fail(st, API_RPC_ERR_REFUSED, why);
}

static void start_push(struct shadow_start *st)
{
	const struct serve_revision *r = st->rev;
	struct serve *s = st->owner->s;
	int rc;

	if (!serve_changes_ports_fit(s->changes, r, &st->err)) {
		start_fail(st, API_RPC_ERR_CONFIG, "the running data plane has other ports");
		return;
	}
	rc = core_link_shadow_push(s->link, r->image, r->image_bytes, r->version, on_pushed, st);
	st->pushed = rc == 0;
	if (rc == -ENOTCONN)
		start_fail(st, API_RPC_ERR_DETACHED, "the data plane is not there");
	else if (rc == -EFBIG)
		start_fail(st, API_RPC_ERR_REFUSED, "it is larger than dataplane.image_max_mb");
	else if (rc != 0)
		start_fail(st, API_RPC_ERR_BUSY, "the data plane is busy; try again");
	else
		serve_names_add(s->names, r->pol);
}

static void on_compiled(void *arg, struct compile_job *job, int rc, struct err_list *err)
{
	struct shadow_start *st = arg;
	uint8_t *bytes;
	size_t n;

	st->child = NULL; // freed behind this callback
	err_append(&st->err, err);
	if (rc == -EINVAL)
		start_fail(st, API_RPC_ERR_CONFIG, "bad rules or configuration");
	else if (rc != 1 || compile_take(job, &bytes, &n) != 0)
		start_fail(st, API_RPC_ERR_INTERNAL, "the compilation failed");
	else if (serve_revision_image(st->rev, bytes, n, &st->err) != 0)
		start_fail(st, API_RPC_ERR_INTERNAL, "the compiled image does not verify");
	else
		start_push(st);
}

// Candidates are numbered by the clock, so that none is taken for a revision, nor for an earlier one.
static uint64_t version_next(struct serve_shadow *sh)
{
	const uint64_t now = (uint64_t)time(NULL);

	sh->version = now > sh->version ? now : sh->version + 1;
	return sh->version;
}

// Sets out for a candidate, which is taken.
static void start(struct serve_shadow *sh, struct serve_call *call, struct serve_revision *r,
	uint32_t minutes)
{
	struct shadow_start *st = calloc(1, sizeof(*st));
	struct compile_job *job;

	if (st != NULL)
		st->run = calloc(1, sizeof(*st->run));
	if (st == NULL || st->run == NULL) {
		free(st);
		serve_revision_free(r);
		serve_call_result(call, NULL);
		return;
	}
	st->owner = sh;
	st->call = call;
	st->rev = r;
	st->minutes = minutes;
	err_init(&st->err);
	sh->start = st;
	if (serve_revision_parse(r, r->shipped.p == NULL, &st->err) != 0) {
		start_fail(st, API_RPC_ERR_CONFIG, "bad configuration or rules");
		return;
	}
	serve_changes_warn_restart(sh->s->changes, r, &st->err);
	r->from = r->version; // 0: it is no revision
	r->version = version_next(sh);
	r->made_s = time(NULL);
	job = serve_revision_compile(r, &st->err);
	if (job != NULL)
		st->child = serve_child_watch(core_loop_base(sh->s->loop), job, on_compiled, st);
	if (job == NULL && errno == EINVAL)
		start_fail(st, API_RPC_ERR_CONFIG, "bad rules or configuration");
	else if (st->child == NULL)
		start_fail(st, API_RPC_ERR_INTERNAL, "the compilation cannot start");
}

// ---- the end

void serve_shadow_over(struct serve_shadow *sh, const char *why)
{
	struct shadow_run *run = sh->run;

	if (!run->runs)
		return;
	serve_shadow_count(sh);
	run->runs = false;
	run->over_s = time(NULL);
	(void)text_copy(run->why, sizeof(run->why), why); // cut is fine
	LOG(NOTICE, "candidate %" PRIu64 " is over: %s", run->rev->version, why);
}

static void on_stopped(void *arg, int status, const char *text)
{
	struct serve_shadow *sh = arg;
	struct serve_call *call = sh->stop;

	sh->stop = NULL;
	if (status == 0 || status == -ENOTCONN) { // with the attachment it is over, too
		serve_shadow_over(sh, "stopped");
		serve_call_result(call, serve_shadow_json(sh));
	} else {
		serve_call_error(call, API_RPC_ERR_REFUSED, NULL, "the data plane: %s",
			*text != '\0' ? text : strerror(-status));
	}
}

static void stop(struct serve_shadow *sh, struct serve_call *call)
{
	int rc;

	if (sh->start != NULL && !sh->start->pushed) {
		start_fail(sh->start, API_RPC_ERR_BUSY, "stopped by another call");
		serve_call_result(call, serve_shadow_json(sh));
		return;
	}
	if (!sh->run->runs) {
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "no candidate runs");
		return;
	}
	rc = sh->stop != NULL ? -EBUSY
			      : core_link_shadow_push(sh->s->link, NULL, 0, 0, on_stopped, sh);
	if (rc == 0)
		sh->stop = call;
	else if (rc == -ENOTCONN)
		serve_call_error(call, API_RPC_ERR_DETACHED, NULL, "the data plane is not there");
	else
		serve_call_error(call, API_RPC_ERR_BUSY, NULL, "the data plane is busy; try again");
}

// ---- the method

// What is to run; NULL after the call was answered.
static struct serve_revision *candidate(struct serve *s, struct serve_call *call, const char *text,
	const char *file, int64_t revision)
{
	struct serve_revision *r;
	struct err_list err;

	err_init(&err); // it is parsed once more, with its errors told
	if (text == NULL)
		return serve_config_load(s, call, revision, &err);
	r = serve_revision_of(s, text, file);
	if (r == NULL)
		serve_call_result(call, NULL);
	return r;
}

void serve_config_shadow(void *arg, struct serve_call *call, json_t *params)
{
	const char *text = NULL, *file = NULL, *author = NULL;
	int64_t revision = 0, minutes = SERVE_SHADOW_MIN;
	bool ends = false;
	const struct serve_param table[] = {
		{"text", SERVE_PARAM_TEXT, .out = &text},
		{"file", SERVE_PARAM_TEXT, .out = &file},
		{"revision", SERVE_PARAM_INT, .lo = 1, .hi = INT64_MAX, .out = &revision},
		{"minutes", SERVE_PARAM_INT, .lo = 1, .hi = SERVE_SHADOW_MAX_MIN, .out = &minutes},
		{"author", SERVE_PARAM_TEXT, .out = &author},
		{"stop", SERVE_PARAM_BOOL, .out = &ends},
	};
	struct serve *s = arg;
	struct serve_shadow *sh = s->shadow;
	struct serve_revision *r;

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])))
		return;
	if ((text != NULL) + (revision != 0) + ends > 1 || (file != NULL && text == NULL)) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params: one of text (with file), revision, stop");
		return;
	}
	if (ends) {
		stop(sh, call);
		return;
	}
	if (text == NULL && revision == 0) {
		serve_call_result(call, serve_shadow_json(sh));
		return;
	}
	serve_shadow_look(sh); // it may be over by now
	if (sh->start != NULL || sh->run->runs) {
		serve_call_error(call, API_RPC_ERR_BUSY, NULL,
			"a candidate runs already: `config shadow --stop` ends it");
		return;
	}
	if (!core_link_is_attached(s->link)) {
		serve_call_error(call, API_RPC_ERR_DETACHED, NULL, "the data plane is not there");
		return;
	}
	r = candidate(s, call, text, file, revision);
	if (r == NULL)
		return;
	if (author != NULL)
		(void)text_copy(r->author, sizeof(r->author), author); // cut is fine
	else
		(void)snprintf(r->author, sizeof(r->author), "uid %u",
			(unsigned)serve_call_uid(call)); // it fits
	start(sh, call, r, (uint32_t)minutes);
}

struct serve_shadow *serve_shadow_new(struct serve *s)
{
	struct serve_shadow *sh = calloc(1, sizeof(*sh));

	if (sh == NULL)
		return NULL;
	sh->s = s;
	sh->run = calloc(1, sizeof(*sh->run));
	sh->timer = core_timer_new(s->loop, on_deadline, sh);
	if (sh->timer != NULL && sh->run != NULL)
		return sh;
	serve_shadow_free(sh);
	return NULL;
}

void serve_shadow_free(struct serve_shadow *sh)
{
	if (sh == NULL)
		return;
	if (sh->start != NULL)
		start_fail(sh->start, API_RPC_ERR_INTERNAL, "the control plane stops");
	if (sh->stop != NULL)
		serve_call_error(sh->stop, API_RPC_ERR_INTERNAL, NULL, "the control plane stops");
	serve_shadow_run_free(sh->run); // the data plane lets go of it with the attachment
	core_timer_free(sh->timer);
	free(sh);
}
