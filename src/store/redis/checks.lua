-- The last checks of documents, of each no more than a check may have.
--
-- KEYS: the check of each document
-- Answers with a text for each, empty where there is none.

local checks = {}
for row, key in ipairs(KEYS) do
  local is_text = redis.call('TYPE', key).ok == 'string'
  checks[row] = is_text and redis.call('GETRANGE', key, 0, 63) or ''
end
return checks
