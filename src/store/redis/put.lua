-- Stores a record, if what is there gives way, and tells other replicas that the document is in use
-- and checked.
--
-- KEYS: the record, the check, the index
-- ARGV: the digits of the document's key, its check time, its fetch time, now, the time to live,
--       the beginning of a record, the record

local digits, checked_at, fetched_at = ARGV[1], ARGV[2], ARGV[3]
local now, ttl = tonumber(ARGV[4]), tonumber(ARGV[5])

if not gives_way(KEYS[1], ARGV[6], tonumber(checked_at), now) then
  return
end
if ttl <= 0 then
  redis.call('DEL', KEYS[1])
  return
end
redis.call('SET', KEYS[1], ARGV[7], 'PX', ttl)
keep_check(KEYS[2], checked_at, fetched_at, ttl)
claim_key(KEYS[3], 'zset')
-- A clock that is ahead must not keep the document in the index for longer.
redis.call('ZADD', KEYS[3], 'NX', math.min(tonumber(checked_at), now), digits)
