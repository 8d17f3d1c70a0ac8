-- Take devices through the full cycle, submit, approve and collect, and check every answer:
--
--     wrk ... -s cycle.lua URL -- SUBMISSIONS APPROVAL CLAIMS
--
-- SUBMISSIONS is a file of whole HTTP requests, each after its length and a line feed; APPROVAL one such request with
-- REQUEST-ID where the ID belongs; CLAIMS the devices' claims, one to a line. A device's number is the last part of its
-- ID. Prints the cycles, the answers that were wrong, and the seconds from the first request to the last answer.

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

local submissions, claims, before_id, after_id = {}, {}, "", ""
local queue, first, last = {}, 1, 0
local sent, cycles, wrong, began = -1, 0, 0, 0

local function content(path)
    local file = assert(io.open(path, "rb"))
    local octets = file:read("*a")
    file:close()
    return octets
end

function init(arguments)
    local octets, position = content(arguments[1]), 1
    while position <= #octets do
        local line_feed = octets:find("\n", position, true)
        local length = tonumber(octets:sub(position, line_feed - 1))
        submissions[#submissions + 1] = octets:sub(line_feed + 1, line_feed + length)
        position = line_feed + length + 1
    end
    before_id, after_id = content(arguments[2]):match("^(.*)REQUEST%-ID(.*)$")
    for claim in content(arguments[3]):gmatch("[^\n]+") do
        claims[#claims + 1] = claim
    end
end

function request()
    if first <= last then
        local waiting = queue[first]
        queue[first], first = nil, first + 1
        return waiting
    end
    sent = sent + 1
    if sent == 0 then
        return submissions[1] -- wrk looks at one before it begins
    elseif sent == 1 then
        began = now()
    end
    return submissions[sent] or "" -- nothing more to do on this connection
end

local function enqueue(text)
    last = last + 1
    queue[last] = text
end

function response(status, headers, body)
    local id = body:match('"id":"([^"]+)"')
    if status == 201 then
        enqueue(before_id .. id .. after_id)
    elseif status == 200 and body:find('"certificate":{', 1, true) then
        if body:find('"decided_by"', 1, true) then
            local number = tonumber(body:match('"device":{"id":"[^"]*%-(%d+)"'))
            enqueue("GET /api/v1/requests/" .. id .. " HTTP/1.1\r\nHost: desk\r\nX-Forwarded-For: 192.0.2.7\r\n"
                .. "Authorization: Bearer " .. claims[number + 1] .. "\r\n\r\n")
        else
            cycles = cycles + 1
        end
    else
        wrong = wrong + 1
        cycles = cycles + 1
        io.stderr:write(status, " ", body, "\n")
    end
    if cycles == #submissions then
        print("measured", cycles, wrong, now() - began)
        io.stdout:flush()
        os.exit(0)
    end
end
