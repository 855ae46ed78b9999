// SPDX-License-Identifier: BSD-3-Clause
// Refusals are counted by the name of their policy and by what was refused; what was not refused is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cfg.h"
#include "serve_refused.h"

static const struct {
	enum api_record_kind kind;
	enum api_verdict verdict; // of a message
	const char *policy, *reason;
	bool monitored; // a refusal without a reply
} records[] = {
	{API_REC_REFUSAL, 0, "one", "relay_refused"},
	{API_REC_REFUSAL, 0, "two", "relay_refused"},
	{API_REC_REFUSAL, 0, "one", "relay_refused"},
	{API_REC_REFUSAL, 0, "one", "refused_at_connect"},
	{API_REC_REFUSAL, 0, NULL, "refused_at_connect"},
	{API_REC_REFUSAL, 0, "two", NULL},
	{API_REC_REFUSAL, 0, "two", "sender_reputation_monitored", true},
	{API_REC_MESSAGE, API_VERDICT_REJECTED, "one", NULL},
	{API_REC_MESSAGE, API_VERDICT_TEMPFAILED, "one", NULL},
	{API_REC_MESSAGE, API_VERDICT_DISCARDED, "one", NULL},
	{API_REC_MESSAGE, API_VERDICT_REJECTED, "two", "message_too_large"},
	{API_REC_MESSAGE, API_VERDICT_CLEAN, "one", NULL},
	{API_REC_MESSAGE, API_VERDICT_MONITORED, "one", NULL},
	{API_REC_MESSAGE, API_VERDICT_UNSCANNED, "one", "not_scanned_tls"},
	{API_REC_MESSAGE, API_VERDICT_ABORTED, "one", "cut_desync"},
	{API_REC_SESSION, 0, "one", "pass_policy"},
	{API_REC_SHADOW, 0, "one", "relay_refused"},
};

static void each_is_counted_where_it_belongs(void **)
{
	struct serve_refused *t = serve_refused_new();
	json_t *want = json_loads("{\"one\":{\"relay_refused\":2,\"refused_at_connect\":1,\"messages_rejected\":1,"
				  "\"messages_tempfailed\":1,\"messages_discarded\":1},"
				  "\"two\":{\"relay_refused\":1,\"-\":1,\"message_too_large\":1},"
				  "\"-\":{\"refused_at_connect\":1}}",
		0, NULL);
	json_t *one, *none = json_object(), *nobody;

	assert_non_null(t);
	assert_non_null(want);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct api_record r = {.kind = (uint16_t)records[i].kind};
		const struct serve_event_names names = {
			.policy = records[i].policy, .reason = records[i].reason};

		if (r.kind == API_REC_MESSAGE)
			r.message.verdict = (uint8_t)records[i].verdict;
		else if (r.kind == API_REC_REFUSAL && !records[i].monitored)
			r.refusal.code = 550;
		serve_refused_note(t, &r, &names);
	}
	assert_true(json_equal(serve_refused_all(t), want));
	one = serve_refused_of(t, "one");
	assert_true(json_equal(one, json_object_get(want, "one")));
	nobody = serve_refused_of(t, "nobody");
	assert_true(json_equal(nobody, none));
	json_decref(nobody);
	json_decref(one);
	json_decref(none);
	json_decref(want);
	serve_refused_free(t);
}

static void more_policies_than_there_can_be_are_not_kept(void **)
{
	enum { MANY = 2 * CFG_POLICIES_MAX + 5 };
	struct serve_refused *t = serve_refused_new();
	const struct api_record r = {.kind = API_REC_REFUSAL, .refusal = {.code = 550}};
	char name[16];

	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "p%u", i);
		serve_refused_note(t, &r, &(struct serve_event_names){.policy = name, .reason = "x"});
	}
	assert_int_equal(json_object_size(serve_refused_all(t)), 2 * CFG_POLICIES_MAX);
	serve_refused_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_counted_where_it_belongs),
		cmocka_unit_test(more_policies_than_there_can_be_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
