-- The APIC-access page: which accesses act on the virtual-APIC page, which exit before, which exit behind the write, by offset, size and controls.
local READS = { 0x020, 0x030, 0x080, 0x0b0, 0x0d0, 0x0e0, 0x0f0, 0x280, 0x300, 0x310, 0x380, 0x3e0 }
local WRITES = { 0x020, 0x080, 0x0b0, 0x0d0, 0x0e0, 0x0f0, 0x280, 0x300, 0x310, 0x380, 0x3e0 }
for offset = 0x100, 0x270, 0x10 do READS[#READS + 1] = offset end -- VISR, VTMR, VIRR
for offset = 0x320, 0x370, 0x10 do
  READS[#READS + 1] = offset
  WRITES[#WRITES + 1] = offset
end

local function set(list)
  local members = {}
  for _, offset in ipairs(list) do members[offset] = true end
  return members
end

local DELIVERY, REGISTERS = "virtual_interrupt_delivery", "apic_register_virtualization"
local cases = {
  { name = "tpr-shadow", secondary = {}, reads = set { 0x80 }, writes = set { 0x80 }, emulated = set { 0x80 } },
  { name = "delivery", secondary = { DELIVERY }, reads = set { 0x80 }, writes = set { 0x80, 0xb0, 0x300 }, emulated = set { 0x80, 0xb0 } },
  { name = "registers", secondary = { REGISTERS }, any_byte = true, reads = set(READS), writes = set(WRITES), emulated = set { 0x80, 0x310 } },
  { name = "registers-and-delivery", secondary = { REGISTERS, DELIVERY }, any_byte = true, reads = set(READS), writes = set(WRITES),
    emulated = set { 0x80, 0xb0, 0x310 } },
}

-- "access" exits in the place of the instruction, "write" behind it, nil does not.
local function outcome(case, offset, size, write)
  local register, byte = offset & ~15, offset & 15
  local virtualized = (write and case.writes or case.reads)[register] and byte + size <= 4 and (case.any_byte or byte == 0)
  if not virtualized then return "access" end
  if write and not case.emulated[register] then return "write" end
  if write and byte ~= 0 and register ~= 0x310 then return "write" end -- emulation knows registers by their first byte
end

local scenarios = {}
local function sweep(case, write, size, first, last, step)
  local secondary = { "virtualize_apic_accesses" }
  for _, name in ipairs(case.secondary) do secondary[#secondary + 1] = name end
  local name = ({ [1] = "al", [2] = "ax", [4] = "eax" })[size]
  local code, steps = { "mov ebx, 0xfee00000", "xor eax, eax" }, {}
  for offset = first, last, step do
    local result = outcome(case, offset, size, write)
    code[#code + 1] = write and string.format("at%x: mov [rbx + 0x%x], %s", offset, offset, name) or
                          string.format("at%x: mov %s, [rbx + 0x%x]", offset, name, offset)
    code[#code + 1] = string.format("after%x:", offset)
    if result == "access" then
      steps[#steps + 1] = expect "APIC_ACCESS" { rip = string.format("at%x", offset), offset = offset, access = write and "write" or "read" }
    elseif result == "write" then
      steps[#steps + 1] = expect "APIC_WRITE" { rip = string.format("after%x", offset), offset = offset }
    end
  end
  code[#code + 1] = "vmcall"
  steps[#steps + 1] = expect "VMCALL" {}
  scenarios[#scenarios + 1] = scenario {
    name     = string.format("%s-%s-%d-bytes-from-%03x", case.name, write and "write" or "read", size, first),
    controls = { primary = { "use_tpr_shadow" }, secondary = secondary },
    guest    = asm(table.concat(code, "\n")),
    steps    = steps,
  }
end

for _, case in ipairs(cases) do
  for _, write in ipairs { false, true } do
    sweep(case, write, 4, 0x000, 0x3f0, 0x10) -- every register
    sweep(case, write, 1, 0x07f, 0x091, 1)    -- bytes around VTPR
    sweep(case, write, 2, 0x30e, 0x321, 1)    -- words around VICR_HI
    sweep(case, write, 4, 0x3dd, 0x3e4, 1)
  end
end

-- Without "use TPR shadow" nothing is virtualized; a read of 8 bytes never is; fetches and event delivery exit as what they are.
scenarios[#scenarios + 1] = scenario {
  name     = "without-tpr-shadow",
  controls = { secondary = { "virtualize_apic_accesses" } },
  guest    = asm [[
          mov ebx, 0xfee00000
    tpr:  mov eax, [rbx + 0x80]
          vmcall
  ]],
  steps = { expect "APIC_ACCESS" { rip = "tpr", offset = 0x80, access = "read" }, expect "VMCALL" {} },
}
scenarios[#scenarios + 1] = scenario {
  name     = "eight-bytes",
  controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses" } },
  guest    = asm [[
          mov ebx, 0xfee00000
    wide: mov rax, [rbx + 0x80]
          vmcall
  ]],
  steps = { expect "APIC_ACCESS" { rip = "wide", offset = 0x80, access = "read" } },
}
scenarios[#scenarios + 1] = scenario {
  name     = "fetch",
  controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses" } },
  vmcs     = { APIC_ACCESS_ADDR = host(0xa000) },
  guest    = asm [[
          mov ebx, 0xa080
          jmp rbx
  ]],
  steps = { expect "APIC_ACCESS" { rip = 0xa080, offset = 0x80, access = "fetch" } },
}
scenarios[#scenarios + 1] = scenario {
  name     = "paging-structures", -- not by a linear address: never virtualized, wherever in the page
  controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses", "apic_register_virtualization" } },
  vmcs     = { APIC_ACCESS_ADDR = host(0x4000) },
  guest    = asm [[
    here: nop
  ]],
  steps = { expect "APIC_ACCESS" { rip = "here", access = "physical" } },
}
scenarios[#scenarios + 1] = scenario {
  name     = "event-delivery",
  controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses" } },
  vmcs     = { GUEST_IDTR_BASE = 0xfee00000 },
  guest    = asm [[
    soft: int 0x20
  ]],
  steps = { expect "APIC_ACCESS" { rip = "soft", offset = 0x200, access = "delivery", idt_vector = 0x20, idt_type = "software_interrupt", length = 2 } },
}
return scenarios
