-- Removes a part of the rows that were last used before a moment; if the index has too many rows, a
-- part of the least recently used.
--
-- KEYS: the index
-- ARGV: the moment, the most rows that the index may have, the most rows to remove at once
-- Returns the number of rows that are left to be removed.

claim_key(KEYS[1], 'zset')
local unused = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[1])
local excess = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
local found = math.max(unused, excess)
local piece = math.min(found, tonumber(ARGV[3]))
if piece > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, piece - 1)
end
return found - piece
