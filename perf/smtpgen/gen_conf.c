// SPDX-License-Identifier: BSD-3-Clause
// The defaults of a run, and what a run must not ask for.
#include "gen_conf.h"

#include <stddef.h>
#include <string.h>

#include "gen_rand.h"

// A test string that every spam filter knows, the shipped rules, too.
#define MARKER "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

void gen_conf_default(struct gen_conf *c)
{
	*c = (struct gen_conf){
		.seed = 1,
		.at_once = 2048,
		.size = 4096,
		.spread = 1000,
		.size_max = 262144,
		.rcpt_max = 3,
		.mails_max = 2,
		.spam = GEN_WHOLE / 10,
		.attach = GEN_WHOLE / 10,
		.pipelining = GEN_WHOLE / 2,
		.unknown = GEN_WHOLE / 50,
		.rto_min_ms = 200,
		.patience_ms = 120000,
		.mss = 1460,
		.window = 65535,
		.verify = true,
		.marker = MARKER,
		.clients = 1024,
		.client4 = 10u << 24 | 1u << 16,   // 10.1.0.0
		.refused4 = 10u << 24 | 99u << 16, // 10.99.0.0
		.server4 = 192u << 24 | 2u << 8 | 25,
		.client6 = {0xfd, 0x77, 0, 1},
		.refused6 = {0xfd, 0x77, 0, 0x99},
		.server6 = {0xfd, 0x77, 0, 2, [15] = 0x25},
		.port = 25,
		.own_mac = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}},
		.far_mac = {{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1}},
	};
}

const char *gen_conf_check(const struct gen_conf *c)
{
	const uint32_t shares[] = {c->spam, c->attach, c->pipelining, c->refused, c->unknown,
		c->aborted, c->v6, c->loss_sent, c->loss_got, c->reorder};

	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		if (shares[i] > GEN_WHOLE)
			return "a share is more than 100 %";
	if (c->at_once == 0 || c->at_once > GEN_AT_ONCE_MAX)
		return "sessions at once: 1 to 131072";
	if (c->clients == 0 || c->clients > GEN_CLIENTS_MAX || (c->clients & (c->clients - 1)) != 0)
		return "clients: a power of two, at most 65536";
	if (c->size < 256 || c->size > c->size_max || c->size_max > GEN_SIZE_MAX)
		return "sizes: 256 to 1048576, the median below the largest";
	if (c->spread > 3000)
		return "spread: 0 to 3";
	if (c->rcpt_max == 0 || c->rcpt_max > GEN_RCPT_MAX)
		return "recipients: 1 to 8";
	if (c->mails_max == 0 || c->mails_max > GEN_MAILS_MAX)
		return "messages a session: 1 to 8";
	if (c->mss < 256 || c->mss > 1460)
		return "segment size: 256 to 1460";
	if (c->window < 2 * c->mss)
		return "window: at least two segments";
	if (c->rto_min_ms < 10 || c->rto_min_ms > 10000 || c->patience_ms < 1000)
		return "times: the shortest repeat 10 to 10000 ms, patience at least 1 s";
	if (c->marker[0] == '\0' || c->marker[0] == '.' || strlen(c->marker) > GEN_MARKER_MAX)
		return "marker: 1 to 200 octets, no leading dot";
	return NULL;
}
