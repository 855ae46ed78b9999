// SPDX-License-Identifier: BSD-3-Clause
// One message through Hyperscan: envelope values each as a whole, the header block as one stream,
// the body as another. Rules count once a message: Hyperscan tells each once a stream
// (SINGLEMATCH), a bit a rule covers the values, of which there are many. The header's stream is
// closed where the body begins, so that a message takes one block of stream memory.
// Thread: the worker that opened the scan.
#include "eng_scan.h"

#include <string.h>

#include <rte_cycles.h>

#include "eng_image_int.h"
#include "eng_worker.h"

enum {
	MATCHES_MAX = 65536, // different rules that may count for one message
	FEED_MAX = 1 << 30,  // bytes a call of Hyperscan, whose lengths are 32-bit
};

// Hyperscan's allocator has no argument of its own: whose blocks are meant is said here.
static _Thread_local struct eng_image_worker *blocks_of;

void *eng_scan_block_get(size_t n)
{
	struct eng_image_worker *own = blocks_of;
	struct eng_block *b;

	if (own == NULL || own->blocks == NULL || n > own->block_bytes)
		return NULL;
	b = own->blocks;
	own->blocks = b->next;
	return b;
}

void eng_scan_block_put(void *p)
{
	struct eng_block *b = p;

	b->next = blocks_of->blocks;
	blocks_of->blocks = b;
}

static void found_add(const struct eng_image *img, uint32_t rule, struct eng_scan_result *found)
{
	const struct pol_rule *r = pol_rule_at(img->policy, rule);

	found->score += r->score;
	if (found->rules_total < ENG_RULES_MAX)
		found->rules[found->rules_total] = r->id;
	found->rules_total++;
}

// Of no group, or of one that the message's profile wants.
static bool is_wanted(const struct eng_scan *s, uint32_t rule)
{
	uint8_t group = pol_rule_at(s->image->policy, rule)->group;

	return group == 0 || (s->groups >> (group - 1) & 1) != 0;
}

static bool is_seen(const struct eng_scan *s, uint32_t rule)
{
	return (s->seen[rule / 64] >> rule % 64 & 1) != 0;
}

// Called by Hyperscan; anything but 0 ends the stream.
static int match_take(unsigned rule, unsigned long long, unsigned long long, unsigned, void *arg)
{
	struct eng_scan *s = arg;

	// A database is trusted, but an id outside would be a write outside.
	if (rule >= s->image->rules || is_seen(s, rule) || !is_wanted(s, rule))
		return 0; // a rule repeated by each of many recipients must not end the scan
	s->seen[rule / 64] |= UINT64_C(1) << rule % 64;
	found_add(s->image, rule, &s->found);
	s->full = ++s->matches >= MATCHES_MAX;
	return s->full;
}

struct peek { // a look at what closing would bring
	const struct eng_scan *scan;
	struct eng_scan_result *out;
};

static int match_peek(unsigned rule, unsigned long long, unsigned long long, unsigned, void *arg)
{
	struct peek *p = arg;

	if (rule < p->scan->image->rules && !is_seen(p->scan, rule) && is_wanted(p->scan, rule))
		found_add(p->scan->image, rule, p->out);
	return 0; // each rule once a stream: bounded by their number
}

static hs_stream_t *scan_stream_open(struct eng_scan *s, enum pol_scope scope)
{
	hs_stream_t *stream = NULL;

	if (s->image->db[scope] == NULL || s->full)
		return NULL;
	blocks_of = s->own;
	// There are blocks enough (eng_image_int.h): this cannot fail.
	if (hs_open_stream(s->image->db[scope], 0, &stream) != HS_SUCCESS)
		return NULL;
	return stream;
}

static void scan_stream_feed(struct eng_scan *s, hs_stream_t *stream, struct span bytes)
{
	const uint64_t from = rte_rdtsc();

	for (size_t at = 0; at < bytes.n && !s->full; at += FEED_MAX) {
		struct span some = span_sub(bytes, at, FEED_MAX);

		// Its result says no more than `full` does.
		(void)hs_scan_stream(stream, (const char *)some.p, (unsigned)some.n, 0,
			s->own->scratch, match_take, s);
	}
	s->cycles += rte_rdtsc() - from;
}

// With matches that only the end decides, or without (then nothing is reported).
static void scan_stream_close(struct eng_scan *s, hs_stream_t *stream, bool judged)
{
	const uint64_t from = rte_rdtsc();

	blocks_of = s->own;
	(void)hs_close_stream(stream, s->own->scratch, judged && !s->full ? match_take : NULL, s);
	s->cycles += rte_rdtsc() - from;
}

struct eng_scan *eng_scan_open(struct eng_worker *w, struct eng_image *img, uint32_t groups)
{
	struct eng_image_worker *own = img->own[w->id];
	struct eng_scan *s = own->scans;

	if (s == NULL)
		return NULL;
	own->scans = s->next;
	s->stream = NULL;
	s->cycles = 0;
	s->found = (struct eng_scan_result){0};
	s->matches = 0;
	s->groups = groups;
	s->in_body = false;
	s->full = 0;
	memset(s->seen, 0, img->seen_words * sizeof(s->seen[0]));
	eng_image_use(img, w->id);
	return s;
}

void eng_scan_value(struct eng_scan *s, enum pol_scope scope, struct span value)
{
	hs_stream_t *stream = scan_stream_open(s, scope);

	if (stream == NULL)
		return;
	scan_stream_feed(s, stream, value);
	scan_stream_close(s, stream, true);
}

static void scan_end(struct eng_scan *s, bool judged)
{
	if (s->stream != NULL)
		scan_stream_close(s, s->stream, judged);
	s->stream = NULL;
}

static void part_feed(struct eng_scan *s, enum pol_scope scope, struct span bytes)
{
	if (bytes.n == 0)
		return;
	if (s->stream == NULL)
		s->stream = scan_stream_open(s, scope);
	if (s->stream != NULL)
		scan_stream_feed(s, s->stream, bytes);
}

void eng_scan_header(struct eng_scan *s, struct span bytes)
{
	part_feed(s, POL_SCOPE_HEADER, bytes);
}

void eng_scan_body(struct eng_scan *s, struct span bytes)
{
	if (!s->in_body && bytes.n > 0) { // the header's end is known: `$` and `\b` decide now
		scan_end(s, true);
		s->in_body = true;
	}
	part_feed(s, POL_SCOPE_BODY, bytes);
}

static uint32_t scan_ns(const struct eng_scan *s)
{
	double ns = (double)s->cycles * s->image->ns_per_cycle;

	return ns < (double)UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

bool eng_scan_peek(struct eng_scan *s, struct eng_scan_result *out)
{
	struct peek p = {.scan = s, .out = out};
	hs_stream_t *copy = NULL;
	uint64_t from;

	*out = s->found;
	if (s->stream != NULL && !s->full) {
		from = rte_rdtsc();
		blocks_of = s->own;
		if (hs_copy_stream(&copy, s->stream) != HS_SUCCESS)
			return false;
		(void)hs_close_stream(copy, s->own->scratch, match_peek, &p); // ours: cannot fail
		s->cycles += rte_rdtsc() - from;
	}
	out->scan_ns = scan_ns(s);
	return true;
}

// The use goes last: with it the image may be freed.
static void scan_free(struct eng_scan *s)
{
	struct eng_image *img = s->image;
	uint16_t worker = s->worker;

	s->next = s->own->scans;
	s->own->scans = s;
	eng_image_unuse(img, worker);
}

void eng_scan_close(struct eng_scan *s, struct eng_scan_result *out)
{
	scan_end(s, true);
	*out = s->found;
	out->scan_ns = scan_ns(s);
	scan_free(s);
}

void eng_scan_abort(struct eng_scan *s)
{
	scan_end(s, false);
	scan_free(s);
}
