// SPDX-License-Identifier: BSD-3-Clause
// Looks for the Subject while the header comes by (RFC 5322 2.1, 2.2.3, 3.6.5; 4.5.3 allows space before
// the colon). Lines of other fields are skipped whole; behind the header, or behind a Subject, nothing is
// looked at. A line ends with LF, as for the rules (eng_scan.c); the first field of the name counts.
// Thread: the worker that owns the message.
#include "eng_subject.h"

#include <string.h>

// Where the next octet belongs:
//
//   BEGIN --name--> GAP --:--> VALUE --CR--> VALUE_CR --LF--> FOLD --SP, HT--> VALUE
//    |  \--CR--> CR --LF--> DONE                               \--other--> DONE
//    |\--LF--> DONE
//     \--other--> LINE --LF--> BEGIN
enum part {
	PART_BEGIN,
	PART_CR,
	PART_LINE,
	PART_GAP,
	PART_VALUE,
	PART_VALUE_CR,
	PART_FOLD,
	PART_DONE
};

static const char field[] = "subject";
enum { FIELD_LEN = sizeof(field) - 1 };

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

// Is the octet taken? What does not fit the part is looked at again as another's.
static bool begin_take(struct eng_subject *s, uint8_t c)
{
	const uint8_t lower = c >= 'A' && c <= 'Z' ? c | 0x20 : c;

	if (s->name == 0 && c == '\n')
		s->part = PART_DONE;
	else if (s->name == 0 && c == '\r')
		s->part = PART_CR;
	else if (lower != field[s->name])
		s->part = PART_LINE;
	else if (++s->name == FIELD_LEN)
		s->part = PART_GAP;
	return s->part != PART_LINE;
}

static bool gap_take(struct eng_subject *s, uint8_t c)
{
	if (c == ':') {
		s->part = PART_VALUE;
		s->found = true;
	} else if (!is_space(c)) {
		s->part = PART_LINE;
	}
	return s->part != PART_LINE;
}

static void keep(struct eng_subject *s, uint8_t c)
{
	if (s->len > 0 || !is_space(c))
		s->text[s->len++] = (char)c;
	if (s->len == ENG_SUBJECT_MAX || ++s->looked == ENG_SUBJECT_LOOK)
		s->part = PART_DONE;
}

static bool value_take(struct eng_subject *s, uint8_t c)
{
	if (c == '\n')
		s->part = PART_FOLD;
	else if (c == '\r' && s->part == PART_VALUE)
		s->part = PART_VALUE_CR;
	else if (s->part == PART_VALUE)
		keep(s, c);
	else { // a CR that ends no line is an octet as any other
		s->part = PART_VALUE;
		keep(s, '\r');
		return false;
	}
	return true;
}

static bool octet_take(struct eng_subject *s, uint8_t c)
{
	switch ((enum part)s->part) {
	case PART_BEGIN:
		return begin_take(s, c);
	case PART_CR:
		s->part = c == '\n' ? PART_DONE : PART_LINE;
		return true;
	case PART_GAP:
		return gap_take(s, c);
	case PART_VALUE:
	case PART_VALUE_CR:
		return value_take(s, c);
	case PART_FOLD:
		s->part = is_space(c) ? PART_VALUE : PART_DONE;
		return false;
	case PART_LINE:
	case PART_DONE:
		break;
	}
	return true;
}

void eng_subject_read(struct eng_subject *s, struct span text)
{
	size_t i = 0;

	while (i < text.n && s->part != PART_DONE) {
		if (s->part != PART_LINE) {
			i += octet_take(s, text.p[i]);
			continue;
		}
		const uint8_t *lf = memchr(text.p + i, '\n', text.n - i);
		if (lf == NULL)
			return;
		i = (size_t)(lf - text.p) + 1;
		s->part = PART_BEGIN;
		s->name = 0;
	}
}

struct span eng_subject_get(const struct eng_subject *s)
{
	size_t n = s->len;

	if (!s->found)
		return (struct span){0};
	while (n > 0 && is_space((uint8_t)s->text[n - 1]))
		n--;
	return (struct span){.p = (const uint8_t *)s->text, .n = n};
}
