// SPDX-License-Identifier: BSD-3-Clause
// Printable text and ids. Thread: any; no state.
#include "text.h"

#include <string.h>

static const char BASE32[] = "0123456789abcdefghijklmnopqrstuv";
static const char HEX[] = "0123456789abcdef";

// Writes one byte's printable form; returns its length, 1, 2 or 4.
static size_t byte_escape(uint8_t c, char out[4])
{
	if (c == '\\') {
		out[0] = out[1] = '\\';
		return 2;
	}
	if (c >= 0x20 && c < 0x7f) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = HEX[c >> 4];
	out[3] = HEX[c & 15];
	return 4;
}

char *text_escape(struct span in, char *out, size_t cap)
{
	static const char DOTS[] = "...";
	char one[4];
	size_t n = 0, fits = 0, i; // fits: the longest whole text that leaves room for the dots

	if (cap == 0)
		return out;
	for (i = 0; i < in.n; i++) {
		size_t len = byte_escape(in.p[i], one);

		if (n + len > cap - 1)
			break;
		memcpy(out + n, one, len);
		n += len;
		if (n + sizeof(DOTS) <= cap)
			fits = n;
	}
	out[n] = '\0';
	if (i < in.n)
		(void)text_copy(out + fits, cap - fits, DOTS); // cut below four bytes of room
	return out;
}

size_t text_copy(char *out, size_t cap, const char *in)
{
	size_t n = strlen(in);

	if (cap != 0) {
		size_t m = n < cap ? n : cap - 1;

		memcpy(out, in, m);
		out[m] = '\0';
	}
	return n;
}

char *text_folder(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash != NULL)
		slash[slash == path] = '\0';
	else if (path[0] != '\0')
		memcpy(path, ".", 2);
	return path;
}

char *text_id(uint64_t id, char out[TEXT_ID_LEN + 1])
{
	for (unsigned i = TEXT_ID_LEN; i-- > 0; id >>= 5)
		out[i] = BASE32[id & 31];
	out[TEXT_ID_LEN] = '\0';
	return out;
}
