// SPDX-License-Identifier: BSD-3-Clause
// A client's bytes made a name, or refused: labels of 1 to 63 letters, digits, hyphens and
// underscores (RFC 1035 2.3.4, RFC 2181 11 allows more, mail does not need it), 253 bytes at most. What
// has other bytes must be UTF-8 that has A-labels (RFC 5890, 6531 3.2).
// Thread: any.
#include <idn2.h>
#include <string.h>

#include "dns_int.h"

enum { LABEL_MAX = 63, RAW_MAX = 1024 };

static bool is_ascii(struct span raw)
{
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] >= 0x80)
			return false;
	return true;
}

static bool is_name(const char *s, size_t n)
{
	size_t label = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		bool good =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';

		if (c == '.' && label > 0)
			label = 0;
		else if (!good || ++label > LABEL_MAX)
			return false;
	}
	return n > 0 && n <= DNS_NAME_MAX && label > 0;
}

static bool lower_copy(const char *in, size_t n, char out[DNS_NAME_MAX + 1])
{
	if (n > 0 && in[n - 1] == '.')
		n--;
	if (n == 0 || n > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = in[i] >= 'A' && in[i] <= 'Z' ? (char)(in[i] - 'A' + 'a') : in[i];
	out[n] = '\0';
	return is_name(out, n);
}

bool dns_name_make(struct span raw, char out[DNS_NAME_MAX + 1])
{
	char text[RAW_MAX + 1], *ascii = NULL;
	bool good;

	if (is_ascii(raw))
		return lower_copy((const char *)raw.p, raw.n, out);
	if (raw.n > RAW_MAX || memchr(raw.p, 0, raw.n) != NULL)
		return false;
	memcpy(text, raw.p, raw.n);
	text[raw.n] = '\0';
	if (idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	good = lower_copy(ascii, strlen(ascii), out);
	idn2_free(ascii);
	return good;
}
