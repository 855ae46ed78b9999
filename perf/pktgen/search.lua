-- SPDX-License-Identifier: BSD-3-Clause
-- The search for throughput (RFC 2544 26.1): the highest rate at which nothing is lost. Knows nothing of Pktgen:
-- trial(rate, seconds) sends and says whether enough came back, and what was seen.
local search = {}

-- The highest rate between low and high that passed, to `resolution`, and what its trial saw. nil: none passed, and
-- then the lowest rate that was tried.
function search.highest(low, high, resolution, seconds, trial)
	local passed, seen = trial(high, seconds)
	if passed then return high, seen end
	local best, best_seen, lowest = nil, nil, high
	while high - low > resolution do
		local rate = (low + high) / 2
		passed, seen = trial(rate, seconds)
		if passed then
			low, best, best_seen = rate, rate, seen
		else
			high = rate
		end
		lowest = math.min(lowest, rate)
	end
	if best == nil then return nil, lowest end
	return best, best_seen
end

-- The same rate for longer; by a step lower each time it fails, `tries` at most. nil: none passed.
function search.confirmed(rate, step, seconds, tries, trial)
	for _ = 1, tries do
		if rate <= 0 then break end
		local passed, seen = trial(rate, seconds)
		if passed then return rate, seen end
		rate = rate - step
	end
	return nil
end

return search
