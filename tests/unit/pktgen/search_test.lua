-- SPDX-License-Identifier: BSD-3-Clause
-- The search of perf/pktgen beside boxes that lose above a rate that is known. Run from the source's root:
-- lua5.3 tests/unit/pktgen/search_test.lua
local search = dofile("perf/pktgen/search.lua")
local trials

-- A box that loses nothing up to `rate`, for as long as `longest` seconds.
local function box(rate, longest)
	trials = 0
	return function(at, seconds)
		trials = trials + 1
		return at <= rate and seconds <= (longest or math.huge), { pps = at }
	end
end

local function near(what, got, wanted, slack)
	if got == nil or math.abs(got - wanted) > slack then
		error(string.format("%s: %s, not %s", what, tostring(got), tostring(wanted)), 2)
	end
end

local cases = {
	["finds the rate to the resolution, from below"] = function()
		for _, rate in ipairs({ 3, 17.3, 50, 99.2 }) do
			local found, seen = search.highest(0, 100, 0.5, 1, box(rate))
			near("rate", found, rate, 0.5)
			assert(found <= rate and seen.pps == found)
		end
	end,
	["one trial is enough where nothing is ever lost"] = function()
		near("rate", search.highest(0, 42, 0.1, 1, box(42)), 42, 0)
		near("trials", trials, 1, 0)
	end,
	["takes as many trials as halving does"] = function()
		search.highest(0, 100, 1, 1, box(60))
		near("trials", trials, 1 + 7, 0)
	end,
	["says so where every rate loses"] = function()
		local found, lowest = search.highest(0, 100, 1, 1, box(-1))
		assert(found == nil)
		near("lowest", lowest, 100 / 128, 0)
	end,
	["confirms a rate a step lower where the longer trial loses"] = function()
		near("rate", search.confirmed(50, 1, 60, 10, box(48.5)), 48, 0)
		near("trials", trials, 3, 0)
	end,
	["gives up on a rate that no longer trial confirms"] = function()
		assert(search.confirmed(50, 1, 60, 10, box(50, 10)) == nil)
		near("trials", trials, 10, 0)
		assert(search.confirmed(2, 1, 60, 10, box(-1)) == nil)
		near("trials", trials, 2, 0)
	end,
}

local passed = 0
for name, case in pairs(cases) do
	local fine, why = pcall(case)
	if not fine then
		io.stderr:write(name, ": ", tostring(why), "\n")
		os.exit(1)
	end
	passed = passed + 1
end
print("lua: " .. passed .. " cases of the search")
