-- Reads the last checks of documents, each up to the length that a check may have.
--
-- KEYS: the check of each document
-- Returns a text for each document, empty if it has no check.

local checks = {}
for row, key in ipairs(KEYS) do
  local is_text = redis.call('TYPE', key).ok == 'string'
  checks[row] = is_text and redis.call('GETRANGE', key, 0, 63) or ''
end
return checks
