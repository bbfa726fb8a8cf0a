-- Reads a part of the index, the last used first. A member that does not name a document becomes an
-- empty text, whatever its length.
--
-- KEYS: the index
-- ARGV: the first and the last rank of the piece
-- Returns the digits of a document and its last use, in turns.

if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then
  return {}
end
local piece = redis.call('ZREVRANGE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES')
for row = 1, #piece, 2 do
  if #piece[row] ~= 64 then
    piece[row] = ''
  end
end
return piece
