-- The functions that the scripts share; each script begins with this text.
--
-- Numbers are doubles here, which are exact up to 2^53: enough for milliseconds and microseconds
-- since 1970, if they are never turned into text by `..`, which rounds them. `redis.call` does not.

-- The most by which the clocks of replicas may differ, in milliseconds.
local clock_difference = 5000

-- Returns true if a stored record gives way to a change; the rule of `record::gives_way`, but for
-- replicas: the clock of the one that has checked the record may be a little ahead.
local function gives_way(key, beginning, as_of, now)
  if redis.call('TYPE', key).ok ~= 'string' then
    return true
  end
  local head = redis.call('GETRANGE', key, 0, 39)
  local version = head:byte(4)
  if #head < 40 or head:sub(1, 3) ~= beginning:sub(1, 3) or version == 0 or version > beginning:byte(4) then
    return true
  end
  local checked_at = 0
  for at = 32, 25, -1 do
    checked_at = checked_at * 256 + head:byte(at)
  end
  return checked_at <= as_of or checked_at > now + clock_difference
end

-- Returns true if this replica is the owner of a lease.
local function owns_lease(key, owner)
  return redis.call('TYPE', key).ok == 'string' and redis.call('GETRANGE', key, 0, #owner) == owner
end

-- Removes a value of another type than ours: the key belongs to svm.
local function claim_key(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    redis.call('DEL', key)
  end
end

-- Returns true unless a check is from the future, by the clock of the server. A clock that was
-- ahead dated such a check, and it would hide each later one.
local function is_plausible(at)
  local time = redis.call('TIME')
  return tonumber(at) <= tonumber(time[1]) * 1000 + clock_difference
end

-- Keeps the later plausible one of two checks, each a text of two times: that of the check and that
-- of the fetch.
local function keep_check(key, at, fetched_at, ttl)
  claim_key(key, 'string')
  local stored_at, stored_fetched_at = redis.call('GETRANGE', key, 0, 63):match('^(%d+) (%d+)$')
  if stored_at and is_plausible(stored_at) then
    local later = tonumber(stored_at) - tonumber(at)
    if later > 0 or (later == 0 and tonumber(stored_fetched_at) > tonumber(fetched_at)) then
      return
    end
  end
  redis.call('SET', key, at .. ' ' .. fetched_at, 'PX', math.max(ttl, redis.call('PTTL', key)))
end

