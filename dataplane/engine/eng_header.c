// SPDX-License-Identifier: BSD-3-Clause
// Reads a message's header in one pass: its end, and the first Subject on the way (RFC 5322 2.1, 2.2.3,
// 3.6.5; 4.5.3 allows space before the colon). Lines of other fields are skipped whole. A line ends with
// LF, and one of nothing but CRs is empty, as Postfix has it. The first field of the name counts.
// Thread: the worker that owns the message.
#include "eng_header.h"

#include <string.h>

// Where the next octet belongs:
//
//   BEGIN --name--> NAME --> GAP --:--> VALUE --CR--> VALUE_CR --LF--> FOLD --SP, HT--> VALUE
//    |  \--CR--> EMPTY --LF--> over                                       \--other--> BEGIN
//    |\--LF--> over
//     \--other--> LINE --LF--> BEGIN
enum part {
	PART_BEGIN,
	PART_EMPTY,
	PART_LINE,
	PART_NAME,
	PART_GAP,
	PART_VALUE,
	PART_VALUE_CR,
	PART_FOLD
};

static const char field[] = "subject";
enum { FIELD_LEN = sizeof(field) - 1 };

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_lower_of(uint8_t c, char lower)
{
	return (c >= 'A' && c <= 'Z' ? c | 0x20 : c) == lower;
}

// Each says whether the octet is taken; what does not fit the part is looked at again as another's.

static bool begin_take(struct eng_header *h, uint8_t c)
{
	if (c == '\n')
		h->over = true;
	else if (c == '\r')
		h->part = PART_EMPTY;
	else if (!h->taken && is_lower_of(c, field[0])) {
		h->part = PART_NAME;
		h->name = 1;
	} else
		h->part = PART_LINE;
	return true;
}

static bool empty_take(struct eng_header *h, uint8_t c)
{
	if (c == '\n')
		h->over = true;
	else if (c != '\r')
		h->part = PART_LINE;
	return true;
}

static bool name_take(struct eng_header *h, uint8_t c)
{
	if (!is_lower_of(c, field[h->name]))
		h->part = PART_LINE;
	else if (++h->name == FIELD_LEN)
		h->part = PART_GAP;
	return h->part != PART_LINE;
}

static bool gap_take(struct eng_header *h, uint8_t c)
{
	if (c == ':') {
		h->part = PART_VALUE;
		h->found = true;
	} else if (!is_space(c)) {
		h->part = PART_LINE;
	}
	return h->part != PART_LINE;
}

static void keep(struct eng_header *h, uint8_t c)
{
	if (h->len > 0 || !is_space(c))
		h->subject[h->len++] = (char)c;
	h->taken = h->len == ENG_SUBJECT_MAX || ++h->looked == ENG_SUBJECT_LOOK;
	if (h->taken)
		h->part = PART_LINE;
}

static bool value_take(struct eng_header *h, uint8_t c)
{
	if (c == '\n')
		h->part = PART_FOLD;
	else if (c == '\r' && h->part == PART_VALUE)
		h->part = PART_VALUE_CR;
	else if (h->part == PART_VALUE)
		keep(h, c);
	else { // a CR that ends no line is an octet as any other
		h->part = PART_VALUE;
		keep(h, '\r');
		return false;
	}
	return true;
}

static bool fold_take(struct eng_header *h, uint8_t c)
{
	h->taken = !is_space(c);
	h->part = h->taken ? PART_BEGIN : PART_VALUE;
	return false;
}

static bool octet_take(struct eng_header *h, uint8_t c)
{
	switch ((enum part)h->part) {
	case PART_BEGIN:
		return begin_take(h, c);
	case PART_EMPTY:
		return empty_take(h, c);
	case PART_NAME:
		return name_take(h, c);
	case PART_GAP:
		return gap_take(h, c);
	case PART_VALUE:
	case PART_VALUE_CR:
		return value_take(h, c);
	case PART_FOLD:
		return fold_take(h, c);
	case PART_LINE:
		break;
	}
	return true;
}

size_t eng_header_read(struct eng_header *h, struct span text)
{
	size_t i = 0;

	while (i < text.n && !h->over) {
		if (h->part != PART_LINE) {
			i += octet_take(h, text.p[i]);
			continue;
		}
		const uint8_t *lf = memchr(text.p + i, '\n', text.n - i);
		if (lf == NULL)
			return text.n;
		i = (size_t)(lf - text.p) + 1;
		h->part = PART_BEGIN;
	}
	return i;
}

struct span eng_header_subject(const struct eng_header *h)
{
	size_t n = h->len;

	if (!h->found)
		return (struct span){0};
	while (n > 0 && is_space((uint8_t)h->subject[n - 1]))
		n--;
	return (struct span){.p = (const uint8_t *)h->subject, .n = n};
}
