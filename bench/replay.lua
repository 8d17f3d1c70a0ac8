-- Send prepared requests one after another, and check every answer:
--
--     wrk ... -s replay.lua URL -- REQUESTS ANSWERS STATUS MARKER
--
-- REQUESTS is a file of whole HTTP requests, each after its length and a line feed. They begin anew when they are used
-- up, so give as many as there are ANSWERS where each may be sent once only. An answer is right if it has the STATUS
-- and its body holds the MARKER. Prints the answers, those that were wrong, and the seconds from the first request to
-- the last answer, and ends wrk at once.

local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long seconds; long nanoseconds; } instant;
    int clock_gettime(int clock, instant *now);
]]
local instant = ffi.new("instant")

local function now()
    ffi.C.clock_gettime(1, instant)
    return tonumber(instant.seconds) + tonumber(instant.nanoseconds) * 1e-9
end

local requests, most, expected, marker = {}, 0, 0, ""
local sent, answered, wrong, began = -1, 0, 0, 0

local function read(path)
    local file = assert(io.open(path, "rb"))
    local octets = file:read("*a")
    file:close()
    local position = 1
    while position <= #octets do
        local line_feed = octets:find("\n", position, true)
        local length = tonumber(octets:sub(position, line_feed - 1))
        requests[#requests + 1] = octets:sub(line_feed + 1, line_feed + length)
        position = line_feed + length + 1
    end
end

function wrk.connect()
    return true -- without trying: `openssl ocsp` of OpenSSL 3.0 never recovers from a connection without a request
end

function init(arguments)
    read(arguments[1])
    most, expected, marker = tonumber(arguments[2]), tonumber(arguments[3]), arguments[4]
end

function request()
    sent = sent + 1
    if sent == 0 then
        return requests[1] -- wrk looks at one before it begins
    elseif sent == 1 then
        began = now()
    end
    if sent > most then
        return "" -- nothing more to do on this connection
    end
    return requests[(sent - 1) % #requests + 1]
end

function response(status, headers, body)
    if status ~= expected or not body:find(marker, 1, true) then
        wrong = wrong + 1
        if wrong == 1 then
            io.stderr:write(status, " ", body, "\n")
        end
    end
    answered = answered + 1
    if answered == most then
        print("measured", answered, wrong, now() - began)
        io.stdout:flush()
        os.exit(0)
    end
end
