// SPDX-License-Identifier: BSD-3-Clause
// The flags of a TCP segment, as on the wire (RFC 9293 3.1, RFC 3168 6.1).
#pragma once

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
};
