-- The I/O bitmaps at their edges: bitmap A ends and B begins at port 8000H; an access exits when any of its ports has its bit set.
local scenarios = {}

local function access(port, size, exit_port)
  local instruction = ({ [1] = "out dx, al", [2] = "out dx, ax", [4] = "out dx, eax" })[size]
  local exits = port <= exit_port and exit_port < port + size
  scenarios[#scenarios + 1] = scenario {
    name      = string.format("port-%04x-size-%d-bit-%04x", port, size, exit_port),
    controls  = { primary = { "use_io_bitmaps" } },
    io_bitmap = { exit_port },
    guest     = asm(string.format("mov edx, 0x%x\nhere: %s\nvmcall", port, instruction)),
    steps     = {
      exits and expect "IO_INSTRUCTION" { port = port, size = size, rip = "here" } or {},
      expect "VMCALL" {},
    },
  }
end

for _, edge in ipairs { 0x0000, 0x0007, 0x0008, 0x7fff, 0x8000, 0xfff8 } do
  for _, size in ipairs { 1, 2, 4 } do
    for delta = -1, size do
      local bit = edge + delta
      if bit >= 0 and bit <= 0xffff and edge + size <= 0x10000 then access(edge, size, bit) end
    end
  end
end

-- An access beyond FFFFH exits whatever the bits say.
for _, size in ipairs { 2, 4 } do
  scenarios[#scenarios + 1] = scenario {
    name     = string.format("port-ffff-size-%d-wraps", size),
    controls = { primary = { "use_io_bitmaps" } },
    guest    = asm("mov edx, 0xffff\nhere: out dx, " .. (size == 2 and "ax" or "eax")),
    steps    = { expect "IO_INSTRUCTION" { port = 0xffff, size = size, rip = "here" } },
  }
end

-- With bitmaps in use unconditional I/O exiting has no say.
scenarios[#scenarios + 1] = scenario {
  name     = "bitmaps-go-before-unconditional-exiting",
  controls = { primary = { "use_io_bitmaps", "unconditional_io_exiting" } },
  guest    = asm [[
        out 0x80, al
        vmcall
  ]],
  steps = { expect "VMCALL" {} },
}
return scenarios
