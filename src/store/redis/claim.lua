-- Leases a document to one replica and gives it the next turn, if that comes soon enough.
--
-- The turns of all replicas are one line, a spacing apart, by the clock of the server. What lies further in the future
-- than anybody can have put it there is not believed: that clock was set back.
--
-- KEYS: the lease of the document, the pace
-- ARGV: the lease in milliseconds, the spacing and the patience in microseconds
-- Answers with the wait in microseconds; -1 if the document is leased, -2 if the next turn is too far away.

local lease, spacing, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left <= lease and redis.call('TYPE', KEYS[1]).ok == 'string' then
  return -1
end
claim_key(KEYS[2], 'string')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
-- The moment from which on the next turn is free; what is not a number is nobody's.
local free = tonumber(redis.call('GETRANGE', KEYS[2], 0, 63)) or 0
if free - now > 2000 * lease + patience + spacing then
  free = now
end
local turn = math.max(free, now)
if turn - now > patience then
  return -2
end
redis.call('SET', KEYS[1], '', 'PX', lease)
-- A moment that has passed says nothing.
local ttl = math.ceil((turn + spacing - now) / 1000) + 1
redis.call('SET', KEYS[2], turn + spacing, 'PX', ttl)
return turn - now
