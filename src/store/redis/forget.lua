-- Removes a piece of what was last used before a moment, or for longest where the index has too
-- many rows.
--
-- KEYS: the index
-- ARGV: the moment, how many rows there may be, how many are removed at once
-- Answers with how many are left to be removed.

claim_key(KEYS[1], 'zset')
local unused = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[1])
local excess = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
local found = math.max(unused, excess)
local piece = math.min(found, tonumber(ARGV[3]))
if piece > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, piece - 1)
end
return found - piece
