-- Wireshark dissector for captures of `vfio-user trace --pcap` (link type USER0, 147).
--
--   wireshark -X lua_script:docs/vfio-user.lua disk.pcap
--   tshark    -X lua_script:docs/vfio-user.lua -r disk.pcap -Y 'vfio_user.command == 10'
--
-- Or copy it into the folder that Wireshark names under Help, About, Folders, Personal Lua Plugins.
-- The layout of the pseudo-header is in docs/trace.md.

local proto = Proto("vfio_user", "vfio-user")

local commands = {
  [1] = "VERSION", [2] = "DMA_MAP", [3] = "DMA_UNMAP", [4] = "DEVICE_GET_INFO",
  [5] = "DEVICE_GET_REGION_INFO", [6] = "DEVICE_GET_REGION_IO_FDS", [7] = "DEVICE_GET_IRQ_INFO",
  [8] = "DEVICE_SET_IRQS", [9] = "REGION_READ", [10] = "REGION_WRITE", [11] = "DMA_READ",
  [12] = "DMA_WRITE", [13] = "DEVICE_RESET", [15] = "REGION_WRITE_MULTI", [16] = "DEVICE_FEATURE",
  [17] = "MIG_DATA_READ", [18] = "MIG_DATA_WRITE", [0x8001] = "INTERRUPT", [0x8002] = "DOORBELL",
  [0x8003] = "KEEP_ALIVE", [0x8004] = "ACKNOWLEDGE", [0x8005] = "PUSH_RULES",
  [0x8006] = "DMA_FAULT",
}
local regions = {
  [0] = "BAR0", "BAR1", "BAR2", "BAR3", "BAR4", "BAR5", "ROM", "CONFIG", "VGA",
}
local interrupts = { [0] = "INTX", "MSI", "MSIX", "ERR", "REQ" }
local directions = { [0] = "client to server", "server to client" }
local encodings = { [0] = "native", "portable" }
local kinds = { [0] = "message", "preface" }
local types = { [0] = "request", "reply" }
-- Frames without a record, which concern a connection only.
local link_kinds = {
  "HANDLED", "KEEP_ALIVE", "KEEP_ALIVE_REPLY", "END", "EXPOSED", "WITHDRAWN", "ALL_EXPOSED",
  "MEMORY_READ", "MEMORY_WRITE", "MEMORY_DONE", "MEMORY_REFUSED",
}

local f = {
  direction = ProtoField.uint8("vfio_user.direction", "Direction", base.DEC, directions),
  encoding = ProtoField.uint8("vfio_user.encoding", "Encoding", base.DEC, encodings),
  kind = ProtoField.uint8("vfio_user.kind", "Kind", base.DEC, kinds),
  session = ProtoField.uint16("vfio_user.session", "Session"),
  descriptors = ProtoField.uint16("vfio_user.descriptors", "Descriptors"),
  id = ProtoField.uint16("vfio_user.id", "Message id"),
  command = ProtoField.uint16("vfio_user.command", "Command", base.DEC, commands),
  message_size = ProtoField.uint32("vfio_user.message_size", "Message size"),
  flags = ProtoField.uint32("vfio_user.flags", "Flags", base.HEX),
  type = ProtoField.uint32("vfio_user.type", "Type", base.DEC, types, 0xf),
  no_reply = ProtoField.bool("vfio_user.no_reply", "No reply", 32, nil, 0x10),
  error = ProtoField.bool("vfio_user.error", "Error", 32, nil, 0x20),
  errno = ProtoField.uint32("vfio_user.errno", "Error number"),
  request_in = ProtoField.framenum("vfio_user.request_in", "Request in", base.NONE, frametype.REQUEST),
  reply_in = ProtoField.framenum("vfio_user.reply_in", "Reply in", base.NONE, frametype.RESPONSE),
  latency = ProtoField.relative_time("vfio_user.latency", "Latency"),
  major = ProtoField.uint16("vfio_user.major", "Major version"),
  minor = ProtoField.uint16("vfio_user.minor", "Minor version"),
  capabilities = ProtoField.string("vfio_user.capabilities", "Capabilities"),
  argsz = ProtoField.uint32("vfio_user.argsz", "argsz"),
  body_flags = ProtoField.uint32("vfio_user.body_flags", "Flags of the command", base.HEX),
  offset = ProtoField.uint64("vfio_user.offset", "Offset", base.HEX),
  address = ProtoField.uint64("vfio_user.address", "Address", base.HEX),
  size = ProtoField.uint64("vfio_user.size", "Size", base.HEX),
  num_regions = ProtoField.uint32("vfio_user.num_regions", "Regions"),
  num_irqs = ProtoField.uint32("vfio_user.num_irqs", "Interrupts"),
  region = ProtoField.uint32("vfio_user.region", "Region", base.DEC, regions),
  interrupt = ProtoField.uint32("vfio_user.interrupt", "Interrupt index", base.DEC, interrupts),
  start = ProtoField.uint32("vfio_user.start", "First"),
  count = ProtoField.uint32("vfio_user.count", "Count"),
  count64 = ProtoField.uint64("vfio_user.count64", "Count"),
  capability_offset = ProtoField.uint32("vfio_user.capability_offset", "Capabilities at"),
  data = ProtoField.bytes("vfio_user.data", "Data"),
  frame_bytes = ProtoField.uint32("vfio_user.frame_bytes", "Frame bytes"),
  record_bytes = ProtoField.uint32("vfio_user.record_bytes", "Record bytes"),
  record = ProtoField.bytes("vfio_user.record", "Record (MessagePack)"),
  record_type = ProtoField.string("vfio_user.record_type", "Type"),
  map = ProtoField.bytes("vfio_user.map", "Map (MessagePack)"),
  link_kind = ProtoField.uint32("vfio_user.link_kind", "Kind of link frame", base.DEC, link_kinds),
  link_value = ProtoField.uint32("vfio_user.link_value", "Value"),
  handled = ProtoField.uint64("vfio_user.handled", "Frames handled"),
}
proto.fields = f

-- The payloads of the native encoding: fields in their order, each with its bytes. What is left
-- over is data.
local version = { { f.major, 2 }, { f.minor, 2 } }
local dma_range = { { f.argsz, 4 }, { f.body_flags, 4 }, { f.address, 8 }, { f.size, 8 } }
local region_access = { { f.offset, 8 }, { f.region, 4 }, { f.count, 4 } }
local dma_access = { { f.address, 8 }, { f.count64, 8 } }
local layouts = {
  [1] = version,
  [2] = { { f.argsz, 4 }, { f.body_flags, 4 }, { f.offset, 8 }, { f.address, 8 }, { f.size, 8 } },
  [3] = dma_range,
  [4] = { { f.argsz, 4 }, { f.body_flags, 4 }, { f.num_regions, 4 }, { f.num_irqs, 4 } },
  [5] = {
    { f.argsz, 4 }, { f.body_flags, 4 }, { f.region, 4 }, { f.capability_offset, 4 },
    { f.size, 8 }, { f.offset, 8 },
  },
  [6] = { { f.argsz, 4 }, { f.body_flags, 4 }, { f.region, 4 }, { f.count, 4 } },
  [7] = { { f.argsz, 4 }, { f.body_flags, 4 }, { f.interrupt, 4 }, { f.count, 4 } },
  [8] = {
    { f.argsz, 4 }, { f.body_flags, 4 }, { f.interrupt, 4 }, { f.start, 4 }, { f.count, 4 },
  },
  [9] = region_access,
  [10] = region_access,
  [11] = dma_access,
  [12] = dma_access,
  [15] = { { f.count64, 8 } },
  [16] = { { f.argsz, 4 }, { f.body_flags, 4 } },
  [17] = { { f.argsz, 4 }, { f.count, 4 } },
  [18] = { { f.argsz, 4 }, { f.count, 4 } },
}

-- Replies to requests. `open` is filled in the order of the file, `pairs_of` is what stays.
local open, pairs_of = {}, {}
function proto.init()
  open, pairs_of = {}, {}
end

-- Links a reply to its request, both ways.
local function link(tree, pinfo, session, direction, id, is_reply)
  local asker = is_reply and 1 - direction or direction
  local key = session .. "/" .. asker .. "/" .. id
  if not pinfo.visited then
    if not is_reply then
      open[key] = { frame = pinfo.number, time = pinfo.abs_ts }
    elseif open[key] then
      local request = open[key]
      open[key] = nil
      pairs_of[pinfo.number] = { request = request.frame, latency = pinfo.abs_ts - request.time }
      pairs_of[request.frame] = { reply = pinfo.number }
    end
  end
  local pair = pairs_of[pinfo.number]
  if pair and pair.request then
    tree:add(f.request_in, pair.request):set_generated()
    local seconds = math.floor(pair.latency)
    local nanoseconds = math.floor((pair.latency - seconds) * 1e9)
    tree:add(f.latency, NSTime.new(seconds, nanoseconds)):set_generated()
  elseif pair then
    tree:add(f.reply_in, pair.reply):set_generated()
  end
end

-- What an access is about, for the list of packets.
local function place(command, payload)
  if (command == 9 or command == 10) and payload:len() >= 16 then
    local region = payload(8, 4):le_uint()
    local name = regions[region] or ("region " .. region)
    local offset = payload(0, 8):le_uint64():tohex():gsub("^0+(.)", "%1")
    return string.format(" %s+0x%s [%d]", name, offset, payload(12, 4):le_uint())
  end
  if (command == 11 or command == 12) and payload:len() >= 16 then
    local address = payload(0, 8):le_uint64():tohex():gsub("^0+(.)", "%1")
    return string.format(" 0x%s [%s]", address, tostring(payload(8, 8):le_uint64()))
  end
  return ""
end

local function dissect_payload(tree, command, payload)
  local at = 0
  for _, field in ipairs(layouts[command] or {}) do
    if at + field[2] > payload:len() then break end
    tree:add_le(field[1], payload(at, field[2]))
    at = at + field[2]
  end
  if at == payload:len() then return end
  if command == 1 then
    tree:add(f.capabilities, payload(at))
  else
    tree:add(f.data, payload(at))
  end
end

local function dissect_native(buffer, pinfo, tree, session, direction)
  if buffer:len() < 16 then return "message without a header" end
  local id, command = buffer(0, 2):le_uint(), buffer(2, 2):le_uint()
  local flags = buffer(8, 4):le_uint()
  tree:add_le(f.id, buffer(0, 2))
  tree:add_le(f.command, buffer(2, 2))
  tree:add_le(f.message_size, buffer(4, 4))
  local flags_tree = tree:add_le(f.flags, buffer(8, 4))
  flags_tree:add_le(f.type, buffer(8, 4))
  flags_tree:add_le(f.no_reply, buffer(8, 4))
  flags_tree:add_le(f.error, buffer(8, 4))
  tree:add_le(f.errno, buffer(12, 4))
  local is_reply = flags % 16 == 1
  local failed = math.floor(flags / 32) % 2 == 1
  link(tree, pinfo, session, direction, id, is_reply)
  local name = commands[command] or ("command " .. command)
  local text = string.format("#%d %s%s", id, name, is_reply and " reply" or "")
  if failed then return text .. " error " .. buffer(12, 4):le_uint() end
  if buffer:len() == 16 then return text end
  local payload = buffer(16):tvb()
  dissect_payload(tree, command, payload)
  return text .. place(command, payload)
end

-- One string or unsigned integer of MessagePack, and where it ends. Enough for the first entries
-- of a record: its type, command and id.
local function scalar(buffer, at)
  if at >= buffer:len() then return nil, at end
  local head = buffer(at, 1):uint()
  local at_value = at + 1
  local function string_of(start, length)
    if start + length > buffer:len() then return nil, at end
    return buffer(start, length):string(), start + length
  end
  if head < 0x80 then return head, at_value end
  if head >= 0xa0 and head < 0xc0 then return string_of(at_value, head - 0xa0) end
  if head == 0xd9 and at_value < buffer:len() then
    return string_of(at_value + 1, buffer(at_value, 1):uint())
  end
  local bytes = ({ [0xcc] = 1, [0xcd] = 2, [0xce] = 4 })[head]
  if bytes and at_value + bytes <= buffer:len() then
    return buffer(at_value, bytes):uint(), at_value + bytes
  end
  return nil, at
end

local function dissect_link_frame(buffer, tree)
  local kind, value = buffer(8, 4):le_uint(), buffer(12, 4):le_uint()
  tree:add_le(f.link_kind, buffer(8, 4))
  tree:add_le(f.link_value, buffer(12, 4))
  tree:add_le(f.handled, buffer(16, 8))
  if buffer:len() > 24 then tree:add(f.data, buffer(24)) end
  local name = link_kinds[kind] or ("kind " .. kind)
  local text = string.format("link %s handled %s", name, tostring(buffer(16, 8):le_uint64()))
  return value == 0 and text or string.format("%s value %d", text, value)
end

local function dissect_preface(buffer, tree)
  if buffer:len() < 16 then
    tree:add(f.data, buffer())
    return "preface, cut off"
  end
  tree:add_le(f.major, buffer(8, 2))
  tree:add_le(f.minor, buffer(10, 2))
  if buffer:len() > 16 then tree:add(f.map, buffer(16)) end
  return string.format("preface %d.%d", buffer(8, 2):le_uint(), buffer(10, 2):le_uint())
end

local function dissect_portable(buffer, pinfo, tree, session, direction)
  if buffer:len() < 8 then return "frame without a header" end
  local record_bytes = math.min(buffer(4, 4):le_uint(), buffer:len() - 8)
  tree:add_le(f.frame_bytes, buffer(0, 4))
  tree:add_le(f.record_bytes, buffer(4, 4))
  if record_bytes == 0 and buffer:len() >= 24 then return dissect_link_frame(buffer, tree) end
  local entries = {}
  if record_bytes > 1 then
    local record = buffer(8, record_bytes):tvb()
    tree:add(f.record, record())
    local at = 1
    for _ = 1, 3 do
      local key, value
      key, at = scalar(record, at)
      value, at = scalar(record, at)
      if key == nil or value == nil then break end
      entries[key] = value
    end
  end
  if 8 + record_bytes < buffer:len() then tree:add(f.data, buffer(8 + record_bytes)) end
  local kind, command, id = entries.type, entries.command, entries.id
  if type(kind) ~= "string" or type(command) ~= "number" then return "portable frame" end
  tree:add(f.record_type, kind):set_generated()
  tree:add(f.command, command):set_generated()
  local text = commands[command] or ("command " .. command)
  if type(id) == "number" then
    tree:add(f.id, id):set_generated()
    link(tree, pinfo, session, direction, id, kind ~= "request")
    text = string.format("#%d %s", id, text)
  end
  return kind == "request" and text or (text .. " " .. kind)
end

function proto.dissector(buffer, pinfo, root)
  if buffer:len() < 8 or buffer(0, 1):uint() ~= 1 then return 0 end
  local direction, encoding, kind = buffer(1, 1):uint(), buffer(2, 1):uint(), buffer(3, 1):uint()
  local session = buffer(4, 2):uint()
  local tree = root:add(proto, buffer())
  tree:add(f.direction, buffer(1, 1))
  tree:add(f.encoding, buffer(2, 1))
  tree:add(f.kind, buffer(3, 1))
  tree:add(f.session, buffer(4, 2))
  tree:add(f.descriptors, buffer(6, 2))
  pinfo.cols.protocol = "vfio-user"
  pinfo.cols.src = direction == 0 and "client" or "server"
  pinfo.cols.dst = direction == 0 and "server" or "client"
  local text = "empty message"
  if kind == 1 then
    text = buffer:len() > 8 and dissect_preface(buffer(8):tvb(), tree) or "empty preface"
  elseif buffer:len() > 8 then
    local dissect = encoding == 0 and dissect_native or dissect_portable
    text = dissect(buffer(8):tvb(), pinfo, tree, session, direction)
  end
  local descriptors = buffer(6, 2):uint()
  pinfo.cols.info = descriptors > 0 and (text .. " fds=" .. descriptors) or text
  tree:append_text(", " .. text)
  return buffer:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, proto)
