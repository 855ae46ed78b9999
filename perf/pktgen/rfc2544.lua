-- SPDX-License-Identifier: BSD-3-Clause
-- Throughput without loss by size of frame (RFC 2544 26.1), then latency at that rate where it is asked for. Run by
-- Pktgen (-f rfc2544.lua); what to do stands in the environment, since Pktgen gives a script no arguments:
--   MW_DIR         folder of this file (.)
--   MW_OUT         file for the results, one line of key=value pairs a size, "end" at the end (rfc2544.txt)
--   MW_SEND        port that sends (0); MW_RECV: the port where frames come back (1), the same for one port
--   MW_BOTH        1: both ports send at once
--   MW_SET         one, flows, web, junk25: see sets.lua (one)
--   MW_SIZES       bytes with FCS, and imix (64,128,256,512,1024,1280,1518,imix)
--   MW_TRIAL_S     seconds of a trial (10); MW_CONFIRM_S: of the last one, RFC 2544 24 wants 60 (60), 0: none
--   MW_SETTLE_MS   from the end of sending to the count (2000); Pktgen counts once a second
--   MW_RESOLUTION  of the search, percent of what can be sent at all (1)
--   MW_LOSS        frames of a million that may be lost (0, as RFC 2544 wants it)
--   MW_LATENCY     1: latency, too
local function env(name, default) return os.getenv(name) or default end
local dir = env("MW_DIR", ".")
local search, sets = dofile(dir .. "/search.lua"), dofile(dir .. "/sets.lua")
local conf = {
	send = env("MW_SEND", "0"),
	recv = env("MW_RECV", "1"),
	both = env("MW_BOTH", "0") == "1",
	set = env("MW_SET", "one"),
	sizes = env("MW_SIZES", "64,128,256,512,1024,1280,1518,imix"),
	trial_s = tonumber(env("MW_TRIAL_S", "10")),
	confirm_s = tonumber(env("MW_CONFIRM_S", "60")),
	settle_ms = tonumber(env("MW_SETTLE_MS", "2000")),
	resolution = tonumber(env("MW_RESOLUTION", "1")),
	loss = tonumber(env("MW_LOSS", "0")) / 1e6,
	latency = env("MW_LATENCY", "0") == "1",
}
local WIRE = 20 -- preamble, start of frame, gap between frames
local CONFIRM_TRIES = 10
local SPIN_UP_S = 30
local IDLE_RATE = 0.01 -- percent of the link, the least that Pktgen knows
local out

local function say(...)
	out:write(string.format(...), "\n")
	out:flush()
end

-- Who sends to whom.
local function ways()
	local all = { { from = conf.send, to = conf.recv, side = 0 } }
	if conf.both and conf.send ~= conf.recv then
		all[2] = { from = conf.recv, to = conf.send, side = 1 }
	end
	return all
end

local function ports()
	return conf.send == conf.recv and conf.send or conf.send .. "," .. conf.recv
end

local function info(port) return pktgen.portInfo(port)[tonumber(port)].info end

-- Frames a second of that size which the port's link can carry.
local function line_rate(port, bytes)
	local mbit = tonumber(string.match(info(port).VxLAN.link_state, "(%d+)"))
	if mbit == nil then error("port " .. port .. ": link is down") end
	return mbit * 1e6 / 8 / (bytes + WIRE)
end

local function prepare(size)
	for _, way in ipairs(ways()) do
		local mac = info(way.to).l2_l3_info.src_mac
		if size == "imix" then
			sets.imix(way.from, way.side, mac)
		else
			sets[conf.set](way.from, tonumber(size), way.side, mac)
		end
		pktgen.set(way.from, "count", 0)
		pktgen.set(way.from, "burst", 32)
	end
end

local function senders()
	local names = {}
	for i, way in ipairs(ways()) do names[i] = way.from end
	return table.concat(names, ",")
end

local function counts()
	local sent, back, least = 0, 0, math.huge
	for _, way in ipairs(ways()) do
		local one = pktgen.portStats(way.to, "port")[tonumber(way.to)].ipackets
		sent = sent + pktgen.portStats(way.from, "port")[tonumber(way.from)].opackets
		back, least = back + one, math.min(least, one)
	end
	return sent, back, least
end

local function set_rate(rate)
	for _, way in ipairs(ways()) do pktgen.set(way.from, "rate", rate) end
end

-- Sends a little until it comes back each way. When it starts, Pktgen makes all its frames anew and then sends as
-- fast as it can what it should have sent meanwhile: that shall be next to nothing, and not counted.
local function spin_up()
	set_rate(IDLE_RATE)
	pktgen.clr()
	pktgen.start(senders())
	for _ = 1, SPIN_UP_S * 4 do
		local _, _, least = counts()
		if least > 0 then return end
		pktgen.delay(250)
	end
	pktgen.stop(senders())
	error("nothing came back in " .. SPIN_UP_S .. " s: is the box up, and are both wires in?")
end

-- Sends at `rate` percent of the link; sent, came back.
local function send(rate, seconds)
	spin_up()
	pktgen.clr()
	set_rate(rate)
	pktgen.delay(math.floor(seconds * 1000))
	pktgen.stop(senders())
	pktgen.delay(conf.settle_ms)
	local sent, back = counts()
	return sent, back
end

local function trial(rate, seconds)
	local sent, back = send(rate, seconds)
	if sent == 0 then error("nothing was sent") end
	local lost = sent - back
	say("# %.4f %% of the link, %g s: sent %d, lost %d", rate, seconds, sent, lost)
	return lost <= conf.loss * sent, { pps = sent / seconds, sent = sent, lost = lost, seconds = seconds }
end

-- Of the frames that carry a time stamp, at the rate found.
local function latency(rate)
	pktgen.latency(ports(), "on")
	spin_up()
	pktgen.clr()
	set_rate(rate)
	pktgen.delay(math.floor(conf.trial_s * 1000))
	local seen = pktgen.pktStats(conf.recv)[tonumber(conf.recv)].latency
	pktgen.stop(senders())
	pktgen.latency(ports(), "off")
	pktgen.delay(conf.settle_ms)
	if seen.num_pkts == 0 then return "" end
	return string.format(" latency_min_us=%.1f latency_mean_us=%.1f latency_max_us=%.1f", seen.min_us, seen.avg_us,
		seen.max_us)
end

local function measure(size)
	prepare(size)
	local bytes = size == "imix" and sets.imix_mean() or tonumber(size)
	local line = line_rate(conf.send, bytes) * #ways()
	local sent = send(100, conf.trial_s) -- what can be sent at all
	local top = math.min(100, 100 * sent / conf.trial_s / line)
	local step = top * conf.resolution / 100
	say("# %s bytes: %.0f frames a second can be sent, %.2f %% of the link", size, sent / conf.trial_s, top)
	local rate, seen = search.highest(0, top, step, conf.trial_s, trial)
	if rate and conf.confirm_s > conf.trial_s then
		rate, seen = search.confirmed(rate, step, conf.confirm_s, CONFIRM_TRIES, trial)
	end
	if rate == nil then
		say("size=%s offered_pps=%.0f pps=0", size, sent / conf.trial_s)
		return
	end
	say("size=%s offered_pps=%.0f pps=%.0f line_mbit=%.1f link_percent=%.3f lost=%d seconds=%g%s", size,
		sent / conf.trial_s, seen.pps, seen.pps * (bytes + WIRE) * 8 / 1e6, rate, seen.lost, seen.seconds,
		conf.latency and latency(rate) or "")
end

local function main()
	if sets[conf.set] == nil then error("no set " .. conf.set) end
	for size in string.gmatch(conf.sizes, "[^,]+") do measure(size) end
end

out = assert(io.open(env("MW_OUT", "rfc2544.txt"), "w"))
pktgen.screen("off")
local fine, why = pcall(main)
if not fine then say("error=%s", tostring(why)) end
say("end")
out:close()
pktgen.quit()
