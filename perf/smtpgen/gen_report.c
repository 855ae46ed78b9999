// SPDX-License-Identifier: BSD-3-Clause
// Counting and printing. Latencies fall into 16 buckets between a power of two and the next.
// Thread: one.
#include "gen_report.h"

#include <inttypes.h>
#include <string.h>

static const char *const KINDS[GEN_WRONG_KINDS] = {
	[GEN_W_REPLY] = "wrong_reply",
	[GEN_W_EXTRA] = "extra_octets",
	[GEN_W_RESET] = "reset_early",
	[GEN_W_CLOSED] = "closed_early",
	[GEN_W_NO_ANSWER] = "no_answer",
	[GEN_W_OCTETS] = "octets_changed",
	[GEN_W_SPAM_ACCEPTED] = "spam_accepted",
	[GEN_W_LOST] = "message_lost",
	[GEN_W_TWICE] = "message_twice",
	[GEN_W_CHECKSUM] = "checksum_wrong",
	[GEN_W_BROKEN] = "frame_broken",
};

void gen_report_wrong(struct gen_report *r, enum gen_wrong kind, uint64_t n, unsigned m,
	unsigned stage, const uint8_t *text, size_t len)
{
	r->wrong[kind]++;
	r->wrong_all++;
	if (r->notes == GEN_NOTES)
		return;
	struct gen_note *note = &r->note[r->notes++];
	*note = (struct gen_note){
		.n = n, .kind = (uint8_t)kind, .m = (uint8_t)m, .stage = (uint8_t)stage};
	for (size_t i = 0; i < len && i + 1 < sizeof(note->text); i++)
		note->text[i] = text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\'
			? '.'
			: (char)text[i];
}

static unsigned bucket(uint64_t us)
{
	if (us < 16)
		return (unsigned)us;
	unsigned power = 63 - (unsigned)__builtin_clzll(us);
	return (power - 3) * 16 + (unsigned)(us >> (power - 4) & 15);
}

static uint64_t bucket_us(unsigned b)
{
	return b < 16 ? b : (16 + (uint64_t)(b & 15)) << (b / 16 - 1);
}

void gen_report_latency(struct gen_report *r, uint64_t us)
{
	r->latency[bucket(us)]++;
}

uint64_t gen_report_quantile(const struct gen_report *r, double share)
{
	uint64_t all = 0, seen = 0;

	for (unsigned i = 0; i < GEN_BUCKETS; i++)
		all += r->latency[i];
	for (unsigned i = 0; i < GEN_BUCKETS; i++) {
		seen += r->latency[i];
		if (seen > 0 && (double)seen >= share * (double)all)
			return bucket_us(i);
	}
	return 0;
}

#define FIELD(to, name, v) fprintf(to, ", \"%s\": %" PRIu64, name, (uint64_t)(v))

void gen_report_print(const struct gen_report *r, const struct gen_run *run, FILE *to)
{
	const uint64_t octets = r->sent_octets[0] + r->sent_octets[1];
	const double seconds = run->seconds > 0 ? run->seconds : 1e-9;

	fprintf(to,
		"{\"seconds\": %.3f, \"load\": %.3f, \"sessions_a_second\": %.0f, "
		"\"bits_a_second\": %.0f",
		run->seconds, run->load, (double)r->ended / seconds, (double)octets * 8 / seconds);
	FIELD(to, "seed", run->seed);
	FIELD(to, "sessions", r->ended);
	FIELD(to, "begun", r->begun);
	FIELD(to, "well", r->well);
	FIELD(to, "refused", r->refused);
	FIELD(to, "aborted", r->aborted);
	FIELD(to, "messages", r->accepted);
	FIELD(to, "condemned", r->condemned);
	FIELD(to, "packets_sent", r->sent[0] + r->sent[1]);
	FIELD(to, "packets_got", r->got[0] + r->got[1]);
	FIELD(to, "octets_sent", octets);
	FIELD(to, "retransmitted", r->retransmitted);
	FIELD(to, "by_timer", r->by_timer);
	FIELD(to, "fast", r->fast);
	FIELD(to, "out_of_order", r->out_of_order);
	FIELD(to, "lost", r->lost_sent + r->lost_got);
	FIELD(to, "latency_median_us", gen_report_quantile(r, 0.5));
	FIELD(to, "latency_p99_us", gen_report_quantile(r, 0.99));
	FIELD(to, "strays", r->strays);
	FIELD(to, "resets_sent", r->resets_sent);
	FIELD(to, "late_resets", r->late_resets);
	FIELD(to, "servers_left", r->servers_left);
	FIELD(to, "servers_full", r->servers_full);
	FIELD(to, "no_room", r->no_room);
	FIELD(to, "other_frames", r->other_frames);
	FIELD(to, "wrong", r->wrong_all);
	for (unsigned i = 0; i < GEN_WRONG_KINDS; i++)
		if (r->wrong[i] > 0)
			FIELD(to, KINDS[i], r->wrong[i]);
	fputs("}\n", to);
	fflush(to);
}

void gen_report_notes(const struct gen_report *r, uint64_t seed, FILE *to)
{
	for (unsigned i = 0; i < r->notes; i++)
		fprintf(to,
			"wrong: %s: session %" PRIu64 " of seed %" PRIu64
			", message %u, stage %u: %s\n",
			KINDS[r->note[i].kind], r->note[i].n, seed, r->note[i].m, r->note[i].stage,
			r->note[i].text);
	fflush(to);
}
