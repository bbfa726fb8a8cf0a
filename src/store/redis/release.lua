-- Ends the lease of a document, if its owner still has it.
--
-- KEYS: the lease of the document
-- ARGV: the owner of the lease

if owns_lease(KEYS[1], ARGV[1]) then
  redis.call('DEL', KEYS[1])
end
