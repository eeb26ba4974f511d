-- Sends the requests of a file in turn: one a line, its method, path, credential's header, credential and body separated by tabs.

local requests = {}
local last = 0
local threads = 0

function setup(thread)
   thread:set("id", threads)
   threads = threads + 1
end

function init(arguments)
   for line in io.lines(arguments[1]) do
      local method, path, header, credential, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
      local headers = { [header] = credential, ["Content-Type"] = "application/json" }
      requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
   end
   last = math.floor(id * #requests / 2) -- the threads don't ask for the same at the same time
end

function request()
   last = last % #requests + 1
   return requests[last]
end

function done(summary, latency)
   local errors = summary.errors
   local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
   io.write(string.format(
      '\n{"requests": %d, "failed": %d, "microseconds": %d, "p50": %d, "p99": %d}\n',
      summary.requests, failed, summary.duration, latency:percentile(50), latency:percentile(99)
   ))
end
