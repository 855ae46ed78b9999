-- SPDX-License-Identifier: BSD-3-Clause
-- What is sent: sets of flows. Each prepares a port for frames of a size (with FCS, as Pktgen counts), from side
-- `side` (0: clients, 10.9.1.0/24; 1: servers, 10.9.2.0/24) to the other one, to the MAC `mac`.
local sets = {}

local NET = { [0] = "10.9.1.", [1] = "10.9.2." }
-- Frames of an IMIX: 7 of 64, 4 of 594, 1 of 1518 bytes; 362 in the mean. In an order that does not bunch them.
local IMIX = { 64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64 }

local function clean(port)
	pktgen.set_range(port, "off")
	pktgen.set(port, "seq_cnt", 0)
end

local function range(port, size, side, mac, proto, server_port)
	local from, to = NET[side], NET[1 - side]
	local mine = side == 0 and "src_port" or "dst_port" -- the client's, which differs
	local theirs = side == 0 and "dst_port" or "src_port"
	local r = pktgen.range
	r.dst_mac(port, "start", mac)
	r.ip_proto(port, proto)
	for what, value in pairs({ start = "1", min = "1", max = "250" }) do
		r.src_ip(port, what, from .. value)
		r.dst_ip(port, what, to .. value)
	end
	r.src_ip(port, "inc", "0.0.0.1")
	r.dst_ip(port, "inc", "0.0.0.0")
	for what, value in pairs({ start = 1025, min = 1025, max = 65000, inc = 1 }) do
		r[mine](port, what, value)
	end
	for what, value in pairs({ start = server_port, min = server_port, max = server_port, inc = 0 }) do
		r[theirs](port, what, value)
	end
	for what, value in pairs({ start = size, min = size, max = size, inc = 0 }) do
		r.pkt_size(port, what, value)
	end
	pktgen.set_range(port, "on")
end

-- One flow of UDP: what RFC 2544 asks for first. One worker has it all.
function sets.one(port, size, side, mac)
	clean(port)
	pktgen.set_mac(port, "dst", mac)
	pktgen.set_proto(port, "udp")
	pktgen.set_ipaddr(port, "src", NET[side] .. "1/24")
	pktgen.set_ipaddr(port, "dst", NET[1 - side] .. "1")
	pktgen.set(port, "sport", side == 0 and 1025 or 5060)
	pktgen.set(port, "dport", side == 0 and 5060 or 1025)
	pktgen.set(port, "size", size)
end

-- Many flows of UDP, so that RSS spreads them over all workers: as many as Pktgen has buffers a port.
function sets.flows(port, size, side, mac)
	clean(port)
	range(port, size, side, mac, "udp", 5060)
end

-- Many connections' segments that are not mail: TCP, which has to be looked at, port 443.
function sets.web(port, size, side, mac)
	clean(port)
	range(port, size, side, mac, "tcp", 443)
end

-- Segments to port 25 that belong to no connection: what the picked-up port's stages do to junk. They may be
-- dropped, so this is for the box's counters, not for a search without loss.
function sets.junk25(port, size, side, mac)
	clean(port)
	range(port, size, side, mac, "tcp", 25)
end

-- An IMIX of UDP, twelve flows.
function sets.imix(port, side, mac)
	clean(port)
	for i, size in ipairs(IMIX) do
		pktgen.seqTable(i - 1, port, {
			eth_dst_addr = mac,
			eth_src_addr = pktgen.portInfo(port)[tonumber(port)].info.l2_l3_info.src_mac,
			ip_src_addr = NET[side] .. i .. "/24",
			ip_dst_addr = NET[1 - side] .. i,
			sport = side == 0 and 1024 + i or 5060,
			dport = side == 0 and 5060 or 1024 + i,
			ethType = "ipv4",
			ipProto = "udp",
			vlanid = 1,
			pktSize = size,
		})
	end
	pktgen.set(port, "seq_cnt", #IMIX)
end

function sets.imix_mean()
	local sum = 0
	for _, size in ipairs(IMIX) do sum = sum + size end
	return sum / #IMIX
end

return sets
