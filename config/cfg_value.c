// SPDX-License-Identifier: BSD-3-Clause
// One scalar: from the text in the file to the member in memory and back. Nothing here knows YAML
// or other keys; a default goes the same way as what an operator wrote.
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"
#include "text.h"

enum { SHOWN_MAX = 60 }; // bytes of a wrong value that an error repeats

__attribute__((format(printf, 2, 3))) static int refuse(char why[CFG_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, CFG_WHY_MAX, fmt, ap); // a longer text is cut
	va_end(ap);
	return -EINVAL;
}

static const char *shown(const struct cfg_value *v, char buf[SHOWN_MAX])
{
	return text_escape((struct span){.p = (const uint8_t *)v->text, .n = v->n}, buf, SHOWN_MAX);
}

struct cfg_slot cfg_slot_of(const struct cfg_field *f, void *base)
{
	return (struct cfg_slot){
		.at = (char *)base + f->off, .at2 = (char *)base + f->off2, .size = f->size};
}

struct cfg_slot cfg_slot_item(const struct cfg_field *f, void *list, size_t i)
{
	return (struct cfg_slot){.at = (char *)list + i * f->item_size, .size = f->item_size};
}

// Stores an unsigned number in a member of 1, 2 or 4 bytes.
static void number_put(struct cfg_slot slot, uint32_t number)
{
	uint8_t one = (uint8_t)number;
	uint16_t two = (uint16_t)number;

	if (slot.size == 1)
		memcpy(slot.at, &one, 1);
	else if (slot.size == 2)
		memcpy(slot.at, &two, 2);
	else
		memcpy(slot.at, &number, 4);
}

static uint32_t number_get(struct cfg_slot slot)
{
	uint8_t one;
	uint16_t two;
	uint32_t four;

	if (slot.size == 1)
		return memcpy(&one, slot.at, 1), one;
	if (slot.size == 2)
		return memcpy(&two, slot.at, 2), two;
	memcpy(&four, slot.at, 4);
	return four;
}

// Decimal digits only, at most nine of them: no key goes further.
static bool digits_read(const char *text, size_t n, uint32_t *out)
{
	uint32_t number = 0;

	if (n == 0 || n > 9)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (uint32_t)(text[i] - '0');
	}
	*out = number;
	return true;
}

static int parse_bool(const struct cfg_value *v, struct cfg_slot slot, char *why)
{
	static const char *const yes[] = {"true", "yes", "on"},
				 *const no[] = {"false", "no", "off"};
	char buf[SHOWN_MAX];

	for (unsigned i = 0; v->plain && i < 3; i++) {
		if (strcmp(v->text, yes[i]) == 0 || strcmp(v->text, no[i]) == 0) {
			*(bool *)slot.at = strcmp(v->text, yes[i]) == 0;
			return 0;
		}
	}
	return refuse(why, "must be true or false; \"%s\" is neither", shown(v, buf));
}

static int parse_number(
	const struct cfg_field *f, const struct cfg_value *v, struct cfg_slot slot, char *why)
{
	const char *unit = f->unit != NULL ? f->unit : "";
	char buf[SHOWN_MAX];
	uint32_t number = UINT32_MAX; // out of every range
	bool negative = v->n > 1 && v->text[0] == '-';
	size_t sign = negative ? 1 : 0, digits = strspn(v->text + sign, "0123456789");

	if (!v->plain || digits == 0 || digits + sign != v->n)
		return refuse(
			why, "must be a whole number (%s); \"%s\" is not one", unit, shown(v, buf));
	if (!negative && digits_read(v->text, v->n, &number) &&
		((number >= f->min && number <= f->max) || (f->zero && number == 0))) {
		number_put(slot, number);
		return 0;
	}
	return refuse(why, "%s is out of range; %s%" PRId64 "..%" PRId64 " is allowed (%s)",
		shown(v, buf), f->zero ? "0 or " : "", f->min, f->max, unit);
}

static int parse_word(
	const struct cfg_field *f, const struct cfg_value *v, struct cfg_slot slot, char *why)
{
	char buf[SHOWN_MAX], all[CFG_WHY_MAX / 2] = "";
	const char *text = v->text;
	size_t used = 0;
	bool yes;

	if (f->yes != NULL && parse_bool(v, (struct cfg_slot){.at = &yes}, all) == 0)
		text = yes ? f->yes : f->words[0];
	all[0] = '\0';
	for (uint32_t i = 0; f->words[i] != NULL; i++) {
		if (strcmp(text, f->words[i]) == 0) {
			number_put(slot, i);
			return 0;
		}
		used += text_copy(all + used, sizeof(all) - used, i == 0 ? "" : ", ");
		used += text_copy(all + used, sizeof(all) - used, f->words[i]);
	}
	return refuse(why, "\"%s\" is not known; it is one of: %s", shown(v, buf), all);
}

bool cfg_name_is_good(const struct cfg_value *v, int64_t max)
{
	if (v->n == 0 || (int64_t)v->n > max || v->text[0] == '.' || v->text[0] == '-')
		return false;
	for (size_t i = 0; i < v->n; i++) {
		unsigned char c = (unsigned char)v->text[i];

		if (c > 0x7e || (!isalnum(c) && strchr("_.-", c) == NULL))
			return false;
	}
	return strcmp(v->text, "any") != 0 && strcmp(v->text, "none") != 0;
}

static int keep_text(
	struct cfg_arena *a, const struct cfg_value *v, struct cfg_slot slot, char *why)
{
	const char *text = cfg_arena_text(a, v->text, v->n);

	if (text == NULL)
		return refuse(why, "cannot be kept; out of memory");
	*(const char **)slot.at = text;
	return 0;
}

static int parse_text(struct cfg_arena *a, const struct cfg_field *f, const struct cfg_value *v,
	struct cfg_slot slot, char *why)
{
	for (size_t i = 0; i < v->n; i++) {
		unsigned char c = (unsigned char)v->text[i];

		// What is logged or sent in a reply must not be able to begin a new line there.
		if (c < 0x20 || c > 0x7e)
			return refuse(
				why, "byte %zu is 0x%02x; only printable ASCII is taken", i + 1, c);
	}
	if (f->min > 0 && v->n == 0)
		return refuse(why, "is empty; a text is needed");
	if ((int64_t)v->n > f->max)
		return refuse(why, "has %zu bytes; at most %" PRId64 " are allowed", v->n, f->max);
	return keep_text(a, v, slot, why);
}

static int parse_name(struct cfg_arena *a, const struct cfg_field *f, const struct cfg_value *v,
	struct cfg_slot slot, char *why)
{
	char buf[SHOWN_MAX];

	if (!cfg_name_is_good(v, f->max))
		return refuse(why,
			"\"%s\" is no name; 1..%" PRId64
			" letters, digits, _ . - are, but not any and none",
			shown(v, buf), f->max);
	return keep_text(a, v, slot, why);
}

// Relative paths are taken from the configuration's folder, so both processes and the command line
// mean the same file wherever they were started. "-" is standard output; of what a commit reads it is nothing,
// for nobody's standard input is a list.
static int parse_path(struct cfg_arena *a, const char *dir, const struct cfg_field *f,
	const struct cfg_value *v, struct cfg_slot slot, char *why)
{
	struct cfg_value whole = *v;
	char *joined;
	size_t dir_n;

	if (f->none_word != NULL && strcmp(v->text, f->none_word) == 0)
		return parse_text(a, f, v, slot, why);
	if (f->reload && strcmp(v->text, "-") == 0)
		return refuse(why, "-: standard input cannot be read again; name a file");
	if (v->n == 0 || v->text[0] == '/' || strcmp(v->text, "-") == 0 || dir == NULL)
		return parse_text(a, f, v, slot, why);
	dir_n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);
	joined = cfg_arena_take(a, dir_n + 1 + v->n + 1);
	if (joined == NULL)
		return refuse(why, "cannot be kept; out of memory");
	memcpy(joined, dir, dir_n);
	joined[dir_n] = '/';
	memcpy(joined + dir_n + 1, v->text, v->n + 1);
	whole.text = joined;
	whole.n = dir_n + 1 + v->n;
	return parse_text(a, f, &whole, slot, why);
}

bool cfg_listen_split(const char *text, struct addr *address, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	bool bracket = n > 2 && text[0] == '[' && text[n - 1] == ']';
	char host[ADDR_TEXT_MAX];
	uint32_t number;

	if (n == 0 || text[0] == '/' || n >= sizeof(host) ||
		!digits_read(colon + 1, strlen(colon + 1), &number) || number == 0 ||
		number > UINT16_MAX)
		return false;
	memcpy(host, text + bracket, n - 2 * bracket);
	host[n - 2 * bracket] = '\0';
	if (addr_parse(host, address) != 0 || addr_is_v4(address) == bracket)
		return false;
	*port = (uint16_t)number;
	return true;
}

// What answers without asking who calls is for this machine alone.
static int parse_listen(struct cfg_arena *a, const char *dir, const struct cfg_field *f,
	const struct cfg_value *v, struct cfg_slot slot, char *why)
{
	const struct addr loopback6 = {.b = {[15] = 1}};
	char buf[SHOWN_MAX];
	struct addr address;
	uint16_t port;

	if (!cfg_listen_split(v->text, &address, &port)) {
		if (v->n == 0 || strchr(v->text, '/') != NULL)
			return parse_path(a, dir, f, v, slot, why);
		return refuse(why,
			"\"%s\" is neither a path (with a /) nor ADDRESS:PORT, as 127.0.0.1:9725 "
			"or [::1]:9725",
			shown(v, buf));
	}
	if (addr_is_v4(&address) ? address.b[12] != 127 : !addr_eq(&address, &loopback6))
		return refuse(why, "\"%s\" is not of this machine alone; 127.0.0.1 and ::1 are",
			shown(v, buf));
	return parse_text(a, f, v, slot, why);
}

static size_t hex_run(const char *p)
{
	return strspn(p, "0123456789abcdefABCDEF");
}

// [dddd:]bb:dd.f as lspci writes it; returns its length, or 0.
static size_t pci_length(const char *text)
{
	const char *p = text;
	size_t run = hex_run(p);

	if (run >= 4 && run <= 8 && p[run] == ':') {
		p += run + 1;
		run = hex_run(p);
	}
	if (run != 2 || p[2] != ':' || hex_run(p + 3) != 2 || p[5] != '.' || p[6] < '0' ||
		p[6] > '7')
		return 0;
	return (size_t)(p + 7 - text);
}

// The name of a virtual device: net_<driver><number>, or one of DPDK's older stems.
static size_t vdev_length(const char *text)
{
	static const char *const stems[] = {"net_", "eth_", "virtio_user"};
	size_t run = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	for (unsigned i = 0; i < sizeof(stems) / sizeof(stems[0]); i++)
		if (run > strlen(stems[i]) && strncmp(text, stems[i], strlen(stems[i])) == 0)
			return run;
	return 0;
}

// "key=value" parts, each behind a comma; a value in brackets may hold commas.
static bool devargs_are_good(const char *p)
{
	while (*p == ',') {
		size_t key = strspn(++p,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789_-");
		bool inside = false;

		if (key == 0 || p[key] != '=')
			return false;
		p += key + 1;
		if (*p == ',' || *p == '\0')
			return false;
		for (; *p != '\0' && (inside || *p != ','); p++) {
			if (*p == '[' || *p == ']')
				inside = *p == '[';
			if (*p == ' ')
				return false;
		}
	}
	return *p == '\0';
}

static int parse_dev(struct cfg_arena *a, const struct cfg_field *f, const struct cfg_value *v,
	struct cfg_slot slot, char *why)
{
	char buf[SHOWN_MAX];
	const char *p = v->text;
	size_t run;

	if (strncmp(p, "pci:", 4) == 0)
		run = 4 + pci_length(p + 4);
	else if (strncmp(p, "vdev:", 5) == 0)
		run = 5 + vdev_length(p + 5);
	else if (strncmp(p, "auxiliary:", 10) == 0) // mlx5 sub-functions
		run = 10 + strspn(p + 10, "abcdefghijklmnopqrstuvwxyz0123456789_.");
	else
		run = pci_length(p) != 0 ? pci_length(p) : vdev_length(p);
	if (run == 0 || p[run - 1] == ':')
		return refuse(why,
			"\"%s\" names no DPDK device; write a PCI address (0000:01:00.0) or a "
			"virtual device (net_af_packet0,iface=eth1)",
			shown(v, buf));
	if (!devargs_are_good(p + run))
		return refuse(why,
			"\"%s\" is no DPDK device string; behind the device come key=value "
			"parts, each after a comma",
			shown(v, buf));
	return parse_text(a, f, v, slot, why);
}

static int parse_prefix(const struct cfg_value *v, struct cfg_slot slot, char *why)
{
	char buf[SHOWN_MAX];

	switch (prefix_parse(v->text, slot.at)) {
	case 0:
		return 0;
	case -ERANGE:
		return refuse(why,
			"\"%s\" has too long a prefix; at most 32 bits (IPv4) or 128 (IPv6)",
			shown(v, buf));
	case -EDOM:
		return refuse(why, "\"%s\" has host bits set; behind the prefix all bits must be 0",
			shown(v, buf));
	default:
		return refuse(why,
			"\"%s\" is no address; write any, 10.0.0.1, 10.0.0.0/8 or fd00::/8",
			shown(v, buf));
	}
}

// An address with the length of its prefix, or, where the key takes no such length, alone.
static int parse_address(
	const struct cfg_field *f, const struct cfg_value *v, struct cfg_slot slot, char *why)
{
	const char *slash = strchr(v->text, '/');
	size_t n = slash == NULL ? v->n : (size_t)(slash - v->text);
	struct cfg_address *out = slot.at;
	char host[ADDR_TEXT_MAX] = "", buf[SHOWN_MAX];
	struct addr address;
	uint32_t bits = 0, most;

	if (n < sizeof(host))
		memcpy(host, v->text, n);
	if (addr_parse(host, &address) != 0 || (f->max == 0) != (slash == NULL))
		return refuse(why, "\"%s\" is no %s; write %s", shown(v, buf),
			f->max == 0 ? "address" : "address with its prefix",
			f->max == 0 ? "192.0.2.1 or fd00::1" : "192.0.2.2/24 or fd00::2/64");
	most = addr_is_v4(&address) ? 32 : 128;
	if (slash != NULL &&
		(!digits_read(slash + 1, strlen(slash + 1), &bits) || bits == 0 || bits > most))
		return refuse(
			why, "\"%s\": a prefix of 1 to %u bits is needed", shown(v, buf), most);
	if (slash == NULL)
		bits = most;
	*out = (struct cfg_address){.addr = address, .len = (uint8_t)(bits + 128 - most)};
	return 0;
}

static void print_address(const struct cfg_field *f, const struct cfg_address *a, FILE *out)
{
	char buf[ADDR_TEXT_MAX];

	fprintf(out, "\"%s", addr_format(&a->addr, buf, sizeof(buf))); // quoted: IPv6 has colons
	if (f->max != 0)
		fprintf(out, "/%u", addr_is_v4(&a->addr) ? a->len - 96u : a->len);
	fputc('"', out);
}

// "any", "N" or "N-M"; for tags also "untagged".
static int parse_range(const struct cfg_field *f, enum cfg_kind kind, const struct cfg_value *v,
	struct cfg_slot slot, char *why)
{
	uint16_t *lo = slot.at, *hi = slot.at2;
	const char *dash = strchr(v->text, '-');
	size_t first = dash != NULL ? (size_t)(dash - v->text) : v->n;
	uint32_t from, to;
	char buf[SHOWN_MAX];

	if (strcmp(v->text, "any") == 0) {
		*lo = kind == CFG_KIND_VLAN ? UINT16_MAX : 0;
		*hi = UINT16_MAX;
		return 0;
	}
	if (kind == CFG_KIND_VLAN && strcmp(v->text, "untagged") == 0) {
		*lo = *hi = 0;
		return 0;
	}
	if (!digits_read(v->text, first, &from) ||
		!digits_read(dash != NULL ? dash + 1 : v->text,
			dash != NULL ? v->n - first - 1 : first, &to))
		return refuse(why, "\"%s\" is no range; write any,%s N or N-M", shown(v, buf),
			kind == CFG_KIND_VLAN ? " untagged," : "");
	if (from < f->min || to > f->max || from > to)
		return refuse(why,
			"%s is out of range; %" PRId64 "..%" PRId64
			", the smaller one first, is allowed",
			shown(v, buf), f->min, f->max);
	*lo = (uint16_t)from;
	*hi = (uint16_t)to;
	return 0;
}

int cfg_value_parse(struct cfg_arena *a, const char *dir, const struct cfg_field *f,
	enum cfg_kind kind, const struct cfg_value *v, struct cfg_slot slot, char why[CFG_WHY_MAX])
{
	if (strlen(v->text) != v->n)
		return refuse(why, "holds a NUL; no value may");
	switch (kind) {
	case CFG_KIND_BOOL:
		return parse_bool(v, slot, why);
	case CFG_KIND_NUMBER:
		return parse_number(f, v, slot, why);
	case CFG_KIND_WORD:
		return parse_word(f, v, slot, why);
	case CFG_KIND_REF:
		if (f->kind == CFG_KIND_REF && f->none_word != NULL &&
			strcmp(v->text, f->none_word) == 0) {
			*(const char **)slot.at = NULL;
			return 0;
		}
		return parse_name(a, f, v, slot, why);
	case CFG_KIND_NAME:
		return parse_name(a, f, v, slot, why);
	case CFG_KIND_TEXT:
		return parse_text(a, f, v, slot, why);
	case CFG_KIND_PATH:
		return parse_path(a, dir, f, v, slot, why);
	case CFG_KIND_LISTEN:
		return parse_listen(a, dir, f, v, slot, why);
	case CFG_KIND_PATTERN:
		return cfg_pattern_judge(v, f->max, why) ? keep_text(a, v, slot, why) : -EINVAL;
	case CFG_KIND_DEV:
		return parse_dev(a, f, v, slot, why);
	case CFG_KIND_PREFIX:
		return parse_prefix(v, slot, why);
	case CFG_KIND_ADDRESS:
		return parse_address(f, v, slot, why);
	default:
		return parse_range(f, kind, v, slot, why);
	}
}

static void print_range(enum cfg_kind kind, struct cfg_slot slot, FILE *out)
{
	unsigned lo = *(const uint16_t *)slot.at, hi = *(const uint16_t *)slot.at2;

	if (kind == CFG_KIND_VLAN ? lo == UINT16_MAX : lo == 0)
		fputs("any", out);
	else if (lo == 0)
		fputs("untagged", out);
	else if (lo == hi)
		fprintf(out, "%u", lo);
	else
		fprintf(out, "%u-%u", lo, hi);
}

static void print_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) { // printable ASCII only: parse_text saw to it
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void cfg_value_print(const struct cfg_field *f, enum cfg_kind kind, struct cfg_slot slot, FILE *out)
{
	const char *text;
	char buf[PREFIX_TEXT_MAX];

	switch (kind) {
	case CFG_KIND_BOOL:
		fputs(*(const bool *)slot.at ? "true" : "false", out);
		break;
	case CFG_KIND_NUMBER:
		fprintf(out, "%" PRIu32, number_get(slot));
		break;
	case CFG_KIND_WORD:
		fputs(f->words[number_get(slot)], out);
		break;
	case CFG_KIND_NAME:
	case CFG_KIND_REF:
		text = *(const char *const *)slot.at;
		if (text != NULL && strcmp(text, "null") == 0) // bare it would be no value
			print_quoted(text, out);
		else
			fputs(text != NULL ? text : f->none_word, out);
		break;
	case CFG_KIND_PREFIX: // quoted: IPv6 has colons
		fprintf(out, "\"%s\"", prefix_format(slot.at, buf, sizeof(buf)));
		break;
	case CFG_KIND_ADDRESS:
		print_address(f, slot.at, out);
		break;
	case CFG_KIND_VLAN:
	case CFG_KIND_PORTS:
		print_range(kind, slot, out);
		break;
	default:
		print_quoted(*(const char *const *)slot.at, out);
		break;
	}
}

// Levenshtein's distance, of the first bytes of each.
static unsigned edit_distance(const char *a, const char *b)
{
	enum { BYTES_MAX = 40 };
	unsigned row[BYTES_MAX + 1];
	size_t an = strnlen(a, BYTES_MAX), bn = strnlen(b, BYTES_MAX);

	for (unsigned j = 0; j <= bn; j++)
		row[j] = j;
	for (size_t i = 1; i <= an; i++) {
		unsigned corner = row[0]; // of the row above, one to the left

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			unsigned swap = corner + (a[i - 1] != b[j - 1]);
			unsigned least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			corner = row[j];
			row[j] = swap < least ? swap : least;
		}
	}
	return row[bn];
}

// Bytes that both begin with.
static size_t common_length(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

const char *cfg_nearest(const char *text, const void *list, size_t n, size_t stride)
{
	const char *best = NULL;
	unsigned least = UINT_MAX;

	for (size_t i = 0; i < n; i++) {
		const char *name = *(const char *const *)((const char *)list + i * stride);
		unsigned distance = edit_distance(text, name);

		if (distance < least ||
			(distance == least &&
				common_length(text, name) > common_length(text, best))) {
			least = distance;
			best = name;
		}
	}
	return best;
}
