-- wrk ... call.lua -- MODEL: a chat completion of about 500 bytes, and one
-- line at the end: answered, failed, seconds, p50 and p99 in microseconds.

function init(args)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer sk-bench-0000000000000000"
    wrk.body = '{"model":"' .. args[1] .. '","temperature":0.2,' ..
        '"max_tokens":256,"user":"bench","messages":[{"role":"system",' ..
        '"content":"You are a terse assistant who answers questions about ' ..
        'the administration of web servers. You give one sentence, no ' ..
        'lists, and you say so when you do not know."},{"role":"user",' ..
        '"content":"We have several application servers behind one ' ..
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
