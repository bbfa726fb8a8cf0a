-- Removes a record, and with it the check, the row and the lease of its document, if the record
-- gives way. Each replica has a copy of its own in memory, and has to find out by itself that the
-- document is gone.
--
-- KEYS: the record, the check, the index, the lease
-- ARGV: the digits of the document's key, the moment vouched for, now, the beginning of a record

if not gives_way(KEYS[1], ARGV[4], tonumber(ARGV[2]), tonumber(ARGV[3])) then
  return
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[4])
claim_key(KEYS[3], 'zset')
redis.call('ZREM', KEYS[3], ARGV[1])
