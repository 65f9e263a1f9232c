-- VMCS shadowing: VMREAD and VMWRITE exit by a bitmap each, with a bit for each encoding up to 7FFFH; larger ones always exit. Without an exit they act
-- on the shadow VMCS that the link pointer names.
local READ, WRITE = 0x20000, 0x21000
local scenarios = {}

local function bitmap(encoding)
  return encoding and { at = encoding // 8, byte = string.char(1 << encoding % 8) }
end

-- VMWRITE of RBX and VMREAD into RCX of the field in RAX; the flags of both end in R8 and R9.
local function add(name, field, bits, steps, link)
  local memory = {}
  local read, write = bitmap(bits.read), bitmap(bits.write)
  if read then memory[READ + read.at] = read.byte end
  if write then memory[WRITE + write.at] = write.byte end
  scenarios[#scenarios + 1] = scenario {
    name      = name,
    controls  = { secondary = { "vmcs_shadowing" } },
    vmcs      = { VMREAD_BITMAP = host(READ), VMWRITE_BITMAP = host(WRITE), VMCS_LINK_POINTER = link },
    memory    = memory,
    registers = { rax = field, rbx = 0x1234567890 },
    guest     = asm [[
      put:  vmwrite rax, rbx
            pushfq
            pop r8
      get:  vmread rcx, rax
            pushfq
            pop r9
            vmcall
    ]],
    steps     = steps,
  }
end

local CF, ZF, FLAGS = 1, 0x40, 0x8d5
local function flags(value) return { value = value, mask = FLAGS } end
local GUEST_CR3, GUEST_GS_BASE, LAST = 0x6802, 0x680e, 0x7fff

for _, field in ipairs { GUEST_CR3, GUEST_GS_BASE } do
  local name = string.format("field-%04x-", field)
  add(name .. "free", field, {}, { expect "VMCALL" { rcx = 0x1234567890, r8 = flags(0), r9 = flags(0) } })
  add(name .. "exits-at-vmread", field, { read = field }, { expect "VMREAD" { rip = "get", length = 3, r8 = flags(0) } })
  add(name .. "exits-at-vmwrite", field, { write = field }, { expect "VMWRITE" { rip = "put", length = 3 } })
  add(name .. "neighbours-listed", field, { read = field + 1, write = field - 1 }, { expect "VMCALL" { rcx = 0x1234567890 } })
end

-- The first and the last bit. Neither encoding is a field that can be written: no exit, but a failure.
add("encoding-0000-exits-at-vmread", 0, { read = 0 }, { expect "VMREAD" { rip = "get" } })
add("encoding-0000-exits-at-vmwrite", 0, { write = 0 }, { expect "VMWRITE" { rip = "put" } })
add("encoding-7fff-free", LAST, {}, { expect "VMCALL" { r8 = flags(ZF), r9 = flags(ZF) } })
add("encoding-7fff-exits-at-vmread", LAST, { read = LAST }, { expect "VMREAD" { rip = "get", r8 = flags(ZF) } })
add("encoding-7fff-exits-at-vmwrite", LAST, { write = LAST }, { expect "VMWRITE" { rip = "put" } })

-- Bits 63:15 of the encoding: an exit whatever the bitmaps say.
for _, encoding in ipairs { 0x8000, 0x16802, 1 << 31, 1 << 32 | GUEST_CR3, 1 << 63 | GUEST_CR3 } do
  add(string.format("encoding-%x-exits", encoding), encoding, {}, { expect "VMWRITE" { rip = "put" } })
end

-- No shadow VMCS: VMfailInvalid.
add("without-a-shadow-vmcs", GUEST_CR3, {}, { expect "VMCALL" { r8 = flags(CF), r9 = flags(CF) } }, -1)
return scenarios
