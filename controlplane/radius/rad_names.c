// SPDX-License-Identifier: BSD-3-Clause
// libradcli does not say which line of a file it refuses, so each is given to it by itself.
// Thread: the one that reads the configuration.
#include "rad_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <radcli/radcli.h>

enum { VENDOR_SHIFT = 16, VENDOR_MAX = 0xffff, TYPE_MAX = 255, LINE_MAX_BYTES = 1024 };

struct rad_names {
	rc_handle *rh;
};

// Standard attributes that say who is where (RFC 2865, 2866, 2869, 3162, 4818, 6911), and 3GPP TS 29.061
// 16.4.7.
static const char own[] = "ATTRIBUTE User-Name 1 string\n"
			  "ATTRIBUTE NAS-IP-Address 4 ipaddr\n"
			  "ATTRIBUTE NAS-Port 5 integer\n"
			  "ATTRIBUTE Framed-IP-Address 8 ipaddr\n"
			  "ATTRIBUTE Filter-Id 11 string\n"
			  "ATTRIBUTE Login-IP-Host 14 ipaddr\n"
			  "ATTRIBUTE Callback-Number 19 string\n"
			  "ATTRIBUTE Callback-Id 20 string\n"
			  "ATTRIBUTE Class 25 string\n"
			  "ATTRIBUTE Called-Station-Id 30 string\n"
			  "ATTRIBUTE Calling-Station-Id 31 string\n"
			  "ATTRIBUTE NAS-Identifier 32 string\n"
			  "ATTRIBUTE Acct-Session-Id 44 string\n"
			  "ATTRIBUTE Acct-Multi-Session-Id 50 string\n"
			  "ATTRIBUTE NAS-Port-Id 87 string\n"
			  "ATTRIBUTE Chargeable-User-Identity 89 string\n"
			  "ATTRIBUTE NAS-IPv6-Address 95 ipv6addr\n"
			  "ATTRIBUTE Framed-Interface-Id 96 string\n"
			  "ATTRIBUTE Framed-IPv6-Prefix 97 ipv6prefix\n"
			  "ATTRIBUTE Login-IPv6-Host 98 ipv6addr\n"
			  "ATTRIBUTE Delegated-IPv6-Prefix 123 ipv6prefix\n"
			  "ATTRIBUTE Framed-IPv6-Address 168 ipv6addr\n"
			  "VENDOR 3GPP 10415\n"
			  "ATTRIBUTE 3GPP-IMSI 1 string 3GPP\n"
			  "ATTRIBUTE 3GPP-Charging-ID 2 integer 3GPP\n"
			  "ATTRIBUTE 3GPP-IMEISV 20 string 3GPP\n";

static bool text_take(rc_handle *rh, const char *line)
{
	return rc_read_dictionary_from_buffer(rh, line, strlen(line)) == 0;
}

// Of what radcli takes, the lines that mean here what they say: it skips BEGIN-VENDOR, whose attributes would
// be standard ones, and follows $INCLUDE out of our sight.
static bool is_known(const char *line)
{
	static const char *const words[] = {"ATTRIBUTE", "VALUE", "VENDOR", "#"};
	const size_t blank = strspn(line, " \t\r\n");

	if (line[blank] == '\0')
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(line + blank, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

// A vendor's number of more than 16 bits is cut by radcli.
static bool vendor_fits(rc_handle *rh, const char *line)
{
	char name[NAME_LENGTH + 1];

	if (sscanf(line, " VENDOR %32s", name) != 1)
		return true;
	const DICT_VENDOR *v = rc_dict_findvend(rh, name);
	return v == NULL || (v->vendorpec > 0 && v->vendorpec <= VENDOR_MAX);
}

static bool line_take(
	rc_handle *rh, const char *path, unsigned at, const char *line, struct err_list *err)
{
	if (strlen(line) == LINE_MAX_BYTES - 1)
		err_at(err, path, at, 1, "too long; a line has %d bytes at most",
			LINE_MAX_BYTES - 2);
	else if (!is_known(line) || !text_take(rh, line))
		err_at(err, path, at, 1,
			"no line of a dictionary; expected VENDOR NAME NUMBER, ATTRIBUTE NAME NUMBER TYPE "
			"[VENDOR] with a TYPE of string, integer, ipaddr, ipv6addr, ipv6prefix or date, or "
			"VALUE ATTRIBUTE NAME NUMBER");
	else if (!vendor_fits(rh, line))
		err_at(err, path, at, 1, "a vendor's number is from 1 to %d", VENDOR_MAX);
	else
		return true;
	return false;
}

static int file_take(rc_handle *rh, const char *path, struct err_list *err)
{
	char line[LINE_MAX_BYTES];
	FILE *f = fopen(path, "re");
	unsigned at = 0;

	if (f == NULL) {
		err_add(err, "%s: %s", path, strerror(errno));
		return -1;
	}
	while (fgets(line, sizeof(line), f) != NULL)
		if (!line_take(rh, path, ++at, line, err))
			break;
	if (ferror(f))
		err_add(err, "%s: %s", path, strerror(errno));
	(void)fclose(f); // it was read
	return err_any(err) ? -1 : 0;
}

struct rad_names *rad_names_load(const char *file, struct err_list *err)
{
	struct rad_names *n = calloc(1, sizeof(*n));

	if (n != NULL)
		n->rh = rc_new();
	if (n == NULL || n->rh == NULL || !text_take(n->rh, own))
		err_add(err, "dictionaries: out of memory");
	else if (file[0] == '\0' || file_take(n->rh, file, err) == 0)
		return n;
	rad_names_free(n);
	return NULL;
}

void rad_names_free(struct rad_names *n)
{
	if (n == NULL)
		return;
	if (n->rh != NULL) {
		rc_dict_free(n->rh);
		rc_destroy(n->rh);
	}
	free(n);
}

static enum rad_kind kind_of(rc_attr_type type)
{
	switch (type) {
	case PW_TYPE_INTEGER:
		return RAD_KIND_NUMBER;
	case PW_TYPE_IPADDR:
		return RAD_KIND_ADDR_V4;
	case PW_TYPE_IPV6ADDR:
		return RAD_KIND_ADDR_V6;
	case PW_TYPE_IPV6PREFIX:
		return RAD_KIND_PREFIX;
	default:
		return RAD_KIND_TEXT;
	}
}

bool rad_names_find(const struct rad_names *n, const char *name, struct rad_ref *out)
{
	const DICT_ATTR *a = rc_dict_findattr(n->rh, name);
	uint32_t value;

	if (a == NULL)
		return false;
	value = (uint32_t)a->value;
	if ((value & VENDOR_MAX) == 0 || (value & VENDOR_MAX) > TYPE_MAX)
		return false; // no attribute of a packet: radcli's own, or an extended one
	*out = (struct rad_ref){
		.vendor = value >> VENDOR_SHIFT,
		.type = (uint8_t)value,
		.kind = (uint8_t)kind_of(a->type),
	};
	return true;
}
