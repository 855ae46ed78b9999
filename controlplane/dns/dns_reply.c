// SPDX-License-Identifier: BSD-3-Clause
// What a reply of the DNS says of a domain. The C library's parser walks the message; every length is
// its business. A null MX is one of preference 0 and the root (RFC 7505 3); beside others it says
// nothing. How long nothing may be believed stands in the SOA (RFC 2308 5).
// Thread: any.
#include <arpa/nameser.h>

#include "dns_int.h"

enum {
	TTL_LEAST_S = 5, // also of what says 0: a burst of mail asks once
	TTL_MOST_S = 3600,
	TTL_UNKNOWN_S = 10,
	SOA_MINIMUM = 4, // its last four bytes
};

static uint32_t ttl_clamp(uint32_t ttl_s)
{
	if (ttl_s > TTL_MOST_S)
		return TTL_MOST_S;
	return ttl_s < TTL_LEAST_S ? TTL_LEAST_S : ttl_s;
}

static bool is_null_mx(const ns_rr *rr)
{
	return ns_rr_rdlen(*rr) == 3 && ns_rr_rdata(*rr)[2] == 0;
}

static uint32_t negative_ttl(ns_msg *msg)
{
	for (int i = 0; i < ns_msg_count(*msg, ns_s_ns); i++) {
		ns_rr rr;

		if (ns_parserr(msg, ns_s_ns, i, &rr) != 0)
			break;
		if (ns_rr_type(rr) != ns_t_soa || ns_rr_rdlen(rr) < SOA_MINIMUM)
			continue;
		uint32_t least = ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - SOA_MINIMUM);
		return ttl_clamp(least < ns_rr_ttl(rr) ? least : (uint32_t)ns_rr_ttl(rr));
	}
	return ttl_clamp(0);
}

struct dns_reply dns_reply_read(int type, const uint8_t *bytes, int n)
{
	const struct dns_reply unknown = {.found = DNS_UNKNOWN, .ttl_s = TTL_UNKNOWN_S};
	uint32_t ttl_s = UINT32_MAX;
	unsigned some = 0, nulls = 0;
	ns_msg msg;

	if (bytes == NULL || ns_initparse(bytes, n, &msg) != 0)
		return unknown;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an); i++) {
		ns_rr rr;

		if (ns_parserr(&msg, ns_s_an, i, &rr) != 0)
			return unknown;
		if (ns_rr_ttl(rr) < ttl_s) // an alias, too
			ttl_s = ns_rr_ttl(rr);
		if ((int)ns_rr_type(rr) != type || ns_rr_class(rr) != ns_c_in)
			continue;
		some++;
		nulls += type == ns_t_mx && is_null_mx(&rr);
	}
	if (some == 0)
		return (struct dns_reply){.found = DNS_ABSENT, .ttl_s = negative_ttl(&msg)};
	return (struct dns_reply){
		.found = nulls == some ? DNS_NO_MAIL : DNS_EXISTS, .ttl_s = ttl_clamp(ttl_s)};
}
