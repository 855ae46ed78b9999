// SPDX-License-Identifier: BSD-3-Clause
// A small server of the DNS on loopback, which can do everything wrong. It answers by the first label
// of a name: dns_server.c has the table. One thread: serve() looks at its sockets between turns of the
// resolver's loop.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SERVER_KEPT_MAX = 16 };

struct server {
	int udp, tcp, other; // other: another port, for answers that nobody asked for
	int conn; // by TCP, -1 = none
	uint16_t port;
	unsigned asked; // queries that came
	unsigned by_tcp;
	bool dead; // takes queries and says nothing
	struct {   // kept back until server_let_go
		uint8_t bytes[512];
		int n;
		uint32_t address, port;
	} kept[SERVER_KEPT_MAX];
	unsigned nkept;
	char servers[40]; // for dns_conf
};

void server_open(struct server *s);
void server_close(struct server *s);
void server_serve(struct server *s);
void server_let_go(struct server *s); // what was kept back leaves now
