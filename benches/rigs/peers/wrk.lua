-- Requests the paths in a file, one after the other, again and again; prints the results as a line
-- of JSON.
--
--   wrk -s wrk.lua URL -- FILE [HEADER]...
--
-- All requests are made before the first one is sent: the client must not be what is measured.

local requests, last = {}, 0

function init(args)
   for at = 2, #args do
      local name, value = args[at]:match("^([^:]+): (.*)$")
      wrk.headers[name] = value
   end
   for path in io.lines(args[1]) do
      requests[#requests + 1] = wrk.format("GET", path)
   end
end

function request()
   last = last % #requests + 1
   return requests[last]
end

function done(summary, latency)
   local errors = summary.errors
   local broken = errors.connect + errors.read + errors.write + errors.timeout
   local form = '{"requests":%d,"bytes":%d,"micros":%d,"p50":%d,"p99":%d,"broken":%d,"refused":%d}\n'
   io.write(form:format(
      summary.requests, summary.bytes, summary.duration,
      latency:percentile(50), latency:percentile(99),
      broken, errors.status
   ))
end
