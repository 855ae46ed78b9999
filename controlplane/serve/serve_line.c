// SPDX-License-Identifier: BSD-3-Clause
// The JSON line writer: RFC 8259 strings out of arbitrary bytes, numbers, times.
// Thread: any; no state but the line.
#include "serve_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void put(struct serve_line *l, const char *p, size_t n)
{
	if (l->cut || n > sizeof(l->text) - l->n) {
		l->cut = true;
		return;
	}
	memcpy(l->text + l->n, p, n);
	l->n += n;
}

__attribute__((format(printf, 2, 3))) static void put_fmt(
	struct serve_line *l, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		l->cut = true;
	else
		put(l, text, (size_t)n);
}

static void put_key(struct serve_line *l, const char *key)
{
	if (l->n > 1)
		put(l, ",", 1);
	put(l, "\"", 1);
	put(l, key, strlen(key));
	put(l, "\":", 2);
}

void serve_line_begin(struct serve_line *l)
{
	l->n = 0;
	l->cut = false;
	put(l, "{", 1);
}

void serve_line_end(struct serve_line *l)
{
	put(l, "}", 1);
}

// Length of the valid UTF-8 sequence `s` begins with, 0 where it begins with none (RFC 3629).
static size_t utf8_len(struct span s)
{
	// Least second byte where it is not 0x80, largest where it is not 0xbf (RFC 3629 section 4).
	uint8_t c, lo = 0x80, hi = 0xbf;
	size_t n;

	if (s.n == 0)
		return 0;
	c = s.p[0];
	if (c < 0x80)
		return 1;
	n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
	if (n == 0 || n > s.n)
		return 0;
	if (c == 0xe0 || c == 0xf0)
		lo = c == 0xe0 ? 0xa0 : 0x90; // over-long forms
	if (c == 0xed || c == 0xf4)
		hi = c == 0xed ? 0x9f : 0x8f; // surrogates, past U+10FFFF
	if (s.p[1] < lo || s.p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

// Of two or three bytes of UTF-8: what a terminal does instead of showing it. C1 (U+009B is ESC [), line
// ends, and what turns the direction of the text beside it.
static uint32_t point_of(struct span s, size_t n)
{
	if (n == 2)
		return (s.p[0] & 0x1fu) << 6 | (s.p[1] & 0x3fu);
	return n == 3 ? (s.p[0] & 0x0fu) << 12 | (s.p[1] & 0x3fu) << 6 | (s.p[2] & 0x3fu) : 0;
}

static bool is_control(uint32_t point)
{
	return (point >= 0x80 && point <= 0x9f) || point == 0x200e || point == 0x200f ||
		(point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static void put_bytes(struct serve_line *l, struct span s)
{
	put(l, "\"", 1);
	while (s.n > 0) {
		size_t n = utf8_len(s);

		if (n == 0 || *s.p == '\0') // a NUL in a text ends it, or all of it, for many a reader
			put(l, "\xef\xbf\xbd", 3);
		else if (n > 1 && is_control(point_of(s, n)))
			put_fmt(l, "\\u%04x", (unsigned)point_of(s, n));
		else if (n > 1)
			put(l, (const char *)s.p, n);
		else if (*s.p == '"' || *s.p == '\\')
			put_fmt(l, "\\%c", *s.p);
		else if (*s.p < 0x20 || *s.p == 0x7f)
			put_fmt(l, "\\u%04x", (unsigned)*s.p);
		else
			put(l, (const char *)s.p, 1);
		s = span_from(s, n == 0 ? 1 : n);
	}
	put(l, "\"", 1);
}

void serve_line_bytes(struct serve_line *l, const char *key, struct span bytes)
{
	put_key(l, key);
	put_bytes(l, bytes);
}

void serve_line_str(struct serve_line *l, const char *key, const char *text)
{
	put_key(l, key);
	if (text == NULL)
		put(l, "null", 4);
	else
		put_bytes(l, span_str(text));
}

void serve_line_u64(struct serve_line *l, const char *key, uint64_t v)
{
	put_key(l, key);
	put_fmt(l, "%" PRIu64, v > INT64_MAX ? INT64_MAX : v); // what readers of JSON hold
}

void serve_line_i64(struct serve_line *l, const char *key, int64_t v)
{
	put_key(l, key);
	put_fmt(l, "%" PRId64, v);
}

void serve_line_bool(struct serve_line *l, const char *key, bool v)
{
	put_key(l, key);
	put(l, v ? "true" : "false", v ? 4 : 5);
}

void serve_line_null(struct serve_line *l, const char *key)
{
	put_key(l, key);
	put(l, "null", 4);
}

void serve_line_list(struct serve_line *l, const char *key, const uint32_t *v, size_t n)
{
	put_key(l, key);
	put(l, "[", 1);
	for (size_t i = 0; i < n && v[i] != 0; i++)
		put_fmt(l, i == 0 ? "%" PRIu32 : ",%" PRIu32, v[i]);
	put(l, "]", 1);
}

void serve_line_texts(struct serve_line *l, const char *key, const char *const *texts,
	const uint32_t *v, size_t n)
{
	put_key(l, key);
	put(l, "[", 1);
	for (size_t i = 0; i < n && v[i] != 0; i++) {
		if (i > 0)
			put(l, ",", 1);
		if (texts[i] == NULL)
			put(l, "null", 4);
		else
			put_bytes(l, span_str(texts[i]));
	}
	put(l, "]", 1);
}

int serve_time_format(int64_t at_us, char out[SERVE_TIME_MAX])
{
	const int64_t year_10000_s = INT64_C(253402300800);
	time_t s = (time_t)(at_us / 1000000);
	struct tm tm;
	char day[24];

	if (at_us < 0 || s >= year_10000_s || gmtime_r(&s, &tm) == NULL)
		return -ERANGE;
	if (strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return -ERANGE;
	(void)snprintf(out, SERVE_TIME_MAX, "%.19s.%06uZ", day, (unsigned)(at_us % 1000000));
	return 0;
}

void serve_line_time(struct serve_line *l, const char *key, int64_t at_us)
{
	char text[SERVE_TIME_MAX];

	serve_line_str(l, key, serve_time_format(at_us, text) == 0 ? text : NULL);
}
