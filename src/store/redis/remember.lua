-- Merges rows into the index: each keeps the later use and the later check.
--
-- KEYS: the index, and the check of each row
-- ARGV: for each row the digits of the document's key, the last use, the check's time to live, its
--       time, and the time of the fetch; the latter two empty where there was no check

claim_key(KEYS[1], 'zset')
for row = 1, #KEYS - 1 do
  local digits, used_at, ttl, at, fetched_at = unpack(ARGV, 5 * row - 4, 5 * row)
  redis.call('ZADD', KEYS[1], 'GT', used_at, digits)
  if at ~= '' then
    keep_check(KEYS[1 + row], at, fetched_at, tonumber(ttl))
  end
end
