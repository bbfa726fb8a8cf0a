-- Leases a document to one replica and gives it the next turn, if that comes soon enough.
--
-- The turns of all replicas are one sequence by the clock of the server. Two neighbours are a
-- spacing apart, the shorter one of their two: a replica with few documents has a long spacing, and
-- neither waits for that of others nor makes others wait. It spaces its own turns by itself. The
-- script ignores a turn that lies further in the future than any replica can have got it: that
-- clock was set back. A lease runs from its turn on. It does not exclude its owner, which claims
-- again if it lost the answer.
--
-- Versions up to 1.0.0-rc.1 know the time of the next free turn alone, so that has a key to itself.
--
-- KEYS: the lease of the document, the time of the next free turn, that time and the spacing
-- ARGV: the lease in milliseconds, the spacing and the patience in microseconds, the owner of the
--       lease
-- Returns the wait in microseconds; -1 if the document is leased, -2 if the next turn is too far
-- away.

local lease, spacing, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

-- The longest wait that a replica can have got. The patience of a replica is at most the time
-- between two revalidations, which is less than two leases.
local longest = 2000 * lease + patience

local left = redis.call('PTTL', KEYS[1])
local is_plausible = left >= 0 and left <= lease + math.ceil(longest / 1000)
local is_lease = redis.call('TYPE', KEYS[1]).ok == 'string'
if is_plausible and is_lease and not owns_lease(KEYS[1], ARGV[4]) then
  return -1
end
claim_key(KEYS[2], 'string')
claim_key(KEYS[3], 'string')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local free = redis.call('GETRANGE', KEYS[2], 0, 63):match('^%d+$')
-- The spacing of the replica that had the last turn. An earlier version does not tell its own.
local of_turn, gap = redis.call('GETRANGE', KEYS[3], 0, 63):match('^(%d+) (%d+)$')
gap = of_turn == free and tonumber(gap) or spacing
local turn = now
if free and tonumber(free) - gap - now <= longest then
  turn = math.max(now, tonumber(free) - gap + math.min(gap, spacing))
end
if turn - now > patience then
  return -2
end
redis.call('SET', KEYS[1], ARGV[4], 'PX', lease + math.ceil((turn - now) / 1000))
local ttl = math.ceil((turn + spacing - now) / 1000) + 1
free = string.format('%.0f', turn + spacing)
redis.call('SET', KEYS[2], free, 'PX', ttl)
redis.call('SET', KEYS[3], string.format('%s %.0f', free, spacing), 'PX', ttl)
return turn - now
