-- wrk ... call.lua -- MODEL [KB]: a chat completion of about 500 bytes, or
-- with a document of so many kilobytes in it, and one line at the end:
-- answered, failed, seconds, p50 and p99 in microseconds.

-- Lines, quotes and a few letters beyond ASCII, as documents have them.
local function document(bytes)
    local parts, length, n = {}, 0, 0
    while length < bytes do
        n = n + 1
        local part = string.format('%d. The \\"upstream\\" of server %d ' ..
            'took %d ms; its neighbour was idle – as it had been the day ' ..
            'before.\\n', n, n * 7919 % 64, n * 104729 % 9973)
        parts[n] = part
        length = length + #part
    end
    return table.concat(parts)
end

function init(args)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer sk-bench-0000000000000000"
    wrk.body = '{"model":"' .. args[1] .. '","temperature":0.2,' ..
        '"max_tokens":256,"user":"bench","messages":[{"role":"system",' ..
        '"content":"You are a terse assistant who answers questions about ' ..
        'the administration of web servers. You give one sentence, no ' ..
        'lists, and you say so when you do not know."},{"role":"user",' ..
        '"content":"' .. document((tonumber(args[2]) or 0) * 1000) ..
        'We have several application servers behind one ' ..
        'address. What does a reverse proxy do there?"}]}'
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format("BENCH %d %d %.3f %d %d\n",
        summary.requests - e.status,
        e.connect + e.read + e.write + e.status + e.timeout,
        summary.duration / 1e6,
        latency:percentile(50), latency:percentile(99)))
end
