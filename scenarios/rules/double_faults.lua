-- Two faults in a row become a double fault, or not, and a third one a triple fault, by the classes of the manual; in every mode, delivered by the processor
-- and by the hypervisor that takes one of them and injects what comes of both. SDM 3A, "Interrupt 8: Double Fault Exception (#DF)".
local CODE, HANDLERS, GDT, LDT, IDT, TSS, STACK, OUTER = 0x8000, 0x9000, 0x10000, 0x11000, 0x12000, 0x13000, 0xb000, 0xc000
local HIDDEN, DIRECTORY, TABLE = 0xe000, 0x18000, 0x19000 -- LDT and HIDDEN are pages that are not present
local function descriptor(base, limit, rights)
  return base << 16 & 0xffffff0000 | base >> 24 << 56 | limit & 0xffff | (limit >> 16 & 15) << 48 | rights << 40
end
local names, gdt = {}, string.pack("<I8", 0)
local function define(name, base, limit, rights)
  names[name] = #gdt
  gdt = gdt .. string.pack("<I8", descriptor(base, limit, rights))
end
for _, d in ipairs { { "code_32", 0xc09b }, { "data", 0xc093 }, { "user_32", 0xc0fb }, { "user_data", 0xc0f3 }, { "code_64", 0xa09b }, { "user_64", 0xa0fb } } do
  define(d[1], 0, 0xfffff, d[2])
end
define("code_16", 0, 0xffff, 0x9b); define("data_16", 0, 0xffff, 0x93)
define("tss", TSS, 0x67, 0x8b); define("tss_high", 0, 0, 0)
define("ldt", LDT, 0xf, 0x82); define("ldt_high", 0, 0, 0)

local function segment(vmcs, name, selector, rights, base, limit)
  vmcs["GUEST_" .. name .. "_SELECTOR"], vmcs["GUEST_" .. name .. "_AR_BYTES"] = selector, rights
  vmcs["GUEST_" .. name .. "_BASE"], vmcs["GUEST_" .. name .. "_LIMIT"] = base or 0, limit or ((rights & 0x8000) ~= 0 and 0xffffffff or 0xffff)
end
local function fields(cs, cs_rights, ss, ss_rights)
  local vmcs = { GUEST_GDTR_BASE = GDT, GUEST_GDTR_LIMIT = #gdt - 1, GUEST_IDTR_BASE = IDT, GUEST_IDTR_LIMIT = 0xfff }
  segment(vmcs, "CS", names[cs] | cs_rights >> 5 & 3, cs_rights)
  segment(vmcs, "SS", names[ss] | ss_rights >> 5 & 3, ss_rights)
  for _, name in ipairs { "DS", "ES", "FS", "GS" } do segment(vmcs, name, names.user_data | 3, 0xc0f3) end
  segment(vmcs, "TR", names.tss, 0x8b, TSS, 0x67)
  segment(vmcs, "LDTR", names.ldt, 0x82, LDT, 0xf)
  return vmcs
end
local function fields_8086()
  local vmcs = fields("user_32", 0xf3, "user_data", 0xf3)
  for _, name in ipairs { "DS", "ES", "FS", "GS" } do segment(vmcs, name, 0, 0xf3) end
  segment(vmcs, "CS", CODE >> 4, 0xf3, CODE)
  segment(vmcs, "SS", OUTER - 0x1000 >> 4, 0xf3, OUTER - 0x1000)
  return vmcs
end
local modes = {
  { name = "protected-16", bits = 16, width = 16, cs = "code_16", vmcs = fields("code_16", 0x9b, "data_16", 0x93) },
  { name = "protected-32", bits = 32, width = 32, cs = "code_32", vmcs = fields("code_32", 0xc09b, "data", 0xc093) },
  { name = "protected-32-ring-3", bits = 32, width = 32, cs = "code_32", user = 4, vmcs = fields("user_32", 0xc0fb, "user_data", 0xc0f3) },
  { name = "virtual-8086", bits = 16, width = 32, cs = "code_32", user = 4, flags = 0x23000, base = CODE, sp = 0x1000, vmcs = fields_8086() },
  { name = "compatibility", bits = 32, width = 64, cs = "code_64", vmcs = fields("code_32", 0xc09b, "data", 0xc093) },
  { name = "long", bits = 64, width = 64, cs = "code_64", vmcs = fields("code_64", 0xa09b, "data", 0xc093) },
  { name = "long-ring-3", bits = 64, width = 64, cs = "code_64", user = 4, vmcs = fields("user_64", 0xa0fb, "user_data", 0xc0f3) },
  { name = "long-interrupt-stack", bits = 64, width = 64, cs = "code_64", ist = 3, vmcs = fields("code_64", 0xa09b, "data", 0xc093) },
}

-- ---- the first event, and what its gate leads to ----
local DE, UD, DF, NP, PF = 0, 6, 8, 11, 14
local BENIGN, CONTRIBUTORY, PAGE = "benign", "contributory", "page-fault"
local firsts = {
  { class = BENIGN, vector = UD, code = "ud2" },
  { class = CONTRIBUTORY, vector = DE, code = "div bx" },
  { class = PAGE, vector = PF, code = "mov al, [0xe000]", error = true, cr2 = HIDDEN },
}
local seconds = {
  { class = CONTRIBUTORY, vector = NP, gate = { present = 0 } },
  { class = PAGE, vector = PF, gate = { selector = 0xc }, cr2 = LDT + 8 },
}
local function becomes_double(first, second)
  return first == CONTRIBUTORY and second == CONTRIBUTORY or first == PAGE
end

local function gate(m, vector, over)
  local low = string.pack("<I2I2BBI2", HANDLERS + vector * 0x40, over.selector or names[m.cs], m.ist or 0,
                          (m.width == 16 and 6 or 14) | 3 << 5 | (over.present or 1) << 7, 0)
  return m.width == 64 and low .. string.pack("<I8", 0) or low
end
-- SI is the vector, DX the error code, AX the address in the frame, CX is CR2.
local function handler(m, vector)
  local name = ({ [16] = "%sx", [32] = "e%sx", [64] = "r%sx" })[m.width]
  local a, c, d = name:format("a"), name:format("c"), name:format("d")
  local has_error = vector == DF or vector == NP or vector == PF
  return asm(("mov si, %d\n%s\npop %s\nmov %s, cr2\nvmcall"):format(vector, has_error and "pop " .. d or "", a, m.width == 64 and "rcx" or "ecx"),
             { bits = m.width, address = HANDLERS + vector * 0x40 })
end
local function memory_of(m, gates)
  local state = string.pack("<I4I4I4", 0, STACK, m.width == 16 and names.data_16 or names.data)
  if m.width == 64 then state = string.pack("<I4I8I8I8I8I8I8I8", 0, STACK, 0, 0, 0, 0, 0, STACK) end
  local memory = { [GDT] = gdt, [TSS] = state }
  for _, vector in ipairs { DE, UD, DF, NP, PF } do
    memory[IDT + vector * (m.width == 64 and 16 or 8)] = gate(m, vector, gates[vector] or {})
  end
  if m.width ~= 64 then
    local entries = {}
    for page = 0, 0x7f do entries[#entries + 1] = string.pack("<I4", page << 12 | ((page << 12 == HIDDEN or page << 12 == LDT) and 0 or 7)) end
    memory[DIRECTORY], memory[TABLE] = string.pack("<I4", TABLE | 7), table.concat(entries)
  end
  return memory
end

local list = {}
local function add(m, name, first, gates, bitmap, steps, stop)
  local vmcs = { GUEST_RIP = CODE - (m.base or 0), GUEST_RFLAGS = (m.flags or 0) | 2, GUEST_RSP = m.sp or OUTER }
  for key, value in pairs(m.vmcs) do vmcs[key] = value end
  if m.width ~= 64 then vmcs.GUEST_CR0, vmcs.GUEST_CR3 = 0x80000031, DIRECTORY end
  local guest = { asm(first.code .. "\nvmcall", { bits = m.bits, address = CODE }) }
  for _, vector in ipairs { DE, UD, DF, NP, PF } do guest[#guest + 1] = handler(m, vector) end
  list[#list + 1] = scenario {
    name = m.name .. "-" .. name, mode = m.width == 64 and "long" or "protected", vmcs = vmcs, exception_bitmap = bitmap, guest = guest,
    pages = m.width == 64 and { { linear = HIDDEN, present = false }, { linear = LDT, present = false } } or nil,
    memory = memory_of(m, gates), steps = steps, rest = stop and "any" or nil, final = stop and { stop = stop } or nil,
  }
end
local function info(vector, error) return 1 << 31 | 3 << 8 | vector | (error and 1 << 11 or 0) end
local function pair(m, first, second)
  local here, sp = CODE - (m.base or 0), m.sp or OUTER
  local name = first.class .. "-" .. second.class
  local double = becomes_double(first.class, second.class)
  local error = second.vector == NP and first.vector * 8 + 3 or 0
  local cr2 = second.cr2 or first.cr2 or 0
  local gates = { [first.vector] = second.gate }
  local outcome = double and expect "VMCALL" { rsi = DF, rdx = 0, rax = here, rcx = cr2 }
                          or expect "VMCALL" { rsi = second.vector, rdx = error, rax = here, rcx = cr2 }
  local exit = expect "EXCEPTION_NMI" {
    interruption_info = info(second.vector, true), error_code = error, qualification = second.cr2 or 0, idt_info = info(first.vector, first.error),
    idt_error = first.error and (m.user or 0) or 0, rip = here, rsp = sp,
  }
  local double_exits = expect "EXCEPTION_NMI" { interruption_info = info(DF, true), error_code = 0, idt_info = 0, rip = here, rsp = sp }
  local triple = expect "TRIPLE_FAULT" { rip = here, rsp = sp, qualification = 0, idt_info = 0, interruption_info = 0, interruptibility = 0 }
  add(m, name, first, gates, {}, { outcome })
  if first.vector ~= second.vector then add(m, name .. "-second-exits", first, gates, { second.vector }, { exit, outcome }) end
  if not double then return end
  add(m, name .. "-double-exits", first, gates, { "#DF" }, { double_exits, outcome })
  for _, third in ipairs(seconds) do
    local broken = { [first.vector] = second.gate, [DF] = third.gate }
    add(m, name .. "-" .. third.class .. "-triple", first, broken, {}, { triple })
    add(m, name .. "-" .. third.class .. "-triple-of-an-injected", first, broken, { "#DF" }, { double_exits, triple })
    if third.vector ~= first.vector then
      local third_exits = expect "EXCEPTION_NMI" { interruption_info = info(third.vector, true), idt_info = info(DF, true), rip = here, rsp = sp }
      add(m, name .. "-" .. third.class .. "-third-exits", first, broken, { third.vector },
          second.vector == third.vector and { exit, third_exits } or { third_exits }, "handler")
    end
  end
end
for _, m in ipairs(modes) do
  for _, first in ipairs(firsts) do
    for _, second in ipairs(seconds) do pair(m, first, second) end
  end
end

-- Real-address mode has no absent gates: the table ends, or the stack does, and nothing has an error code.
local function real(name, code, vmcs, steps)
  local guest = { asm(code .. "\nvmcall", { bits = 16 }) }
  for _, vector in ipairs { 8, 12, 13 } do
    guest[#guest + 1] = asm(("mov si, %d\npop ax\nvmcall"):format(vector), { bits = 16, address = HANDLERS + vector * 0x40 })
  end
  list[#list + 1] = scenario {
    name = "real-" .. name, mode = "real", vmcs = vmcs, guest = guest, steps = steps,
    idt = { [8] = HANDLERS + 8 * 0x40, [12] = HANDLERS + 12 * 0x40, [13] = HANDLERS + 13 * 0x40 },
  }
end
local function triple(sp) return { expect "TRIPLE_FAULT" { rip = CODE, rsp = sp, qualification = 0, idt_info = 0 } } end
real("int-beyond-the-table", "int 0x40", { GUEST_IDTR_LIMIT = 0x40 * 4 - 1 }, { expect "VMCALL" { rsi = 13, rax = CODE } })
real("protection-beyond-the-table", "int 0x40", { GUEST_IDTR_LIMIT = 13 * 4 - 1 }, { expect "VMCALL" { rsi = 8, rax = CODE } })
real("double-fault-beyond-the-table", "int 0x40", { GUEST_IDTR_LIMIT = 8 * 4 - 1, GUEST_RSP = 0x100 }, triple(0x100))
real("entry-ends-within-the-table", "ud2", { GUEST_IDTR_LIMIT = 6 * 4 + 2, GUEST_RSP = 0x100 }, triple(0x100))
for _, sp in ipairs { 1, 3, 5 } do real("stack-ends-at-" .. sp, "int 0x40", { GUEST_RSP = sp }, triple(sp)) end
real("stack-goes-round", "int 0x40", { GUEST_RSP = 4, GUEST_IDTR_LIMIT = 0x40 * 4 - 1 }, { expect "VMCALL" { rsi = 13, rax = CODE, rsp = 0 } })
return list
