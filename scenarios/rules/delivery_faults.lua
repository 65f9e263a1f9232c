-- Faults that the delivery of an event meets, in every mode: vector and error code (selector or vector, its IDT bit, and EXT for what is not the program's
-- own INT n, INT3 or INTO), the event itself as IDT-vectoring information. SDM 3A, "Error Code"; SDM 2A, "INT n/INTO/INT3/INT1".
local CODE, HANDLER, GDT, IDT, TSS, STACK, OUTER = 0x8000, 0x9000, 0x10000, 0x12000, 0x13000, 0xb000, 0xc000
local function descriptor(base, limit, rights)
  return base << 16 & 0xffffff0000 | base >> 24 << 56 | limit & 0xffff | (limit >> 16 & 15) << 48 | rights << 40
end
local names, bytes = {}, string.pack("<I8", 0)
local function define(name, value)
  names[name] = #bytes
  bytes = bytes .. string.pack("<I8", value)
end
local function flat(name, rights) define(name, descriptor(0, (rights & 0x8000) ~= 0 and 0xfffff or 0xffff, rights)) end
flat("code_32", 0xc09b); flat("data", 0xc093); flat("user_32", 0xc0fb); flat("user_data", 0xc0f3); flat("conforming_32", 0xc09f)
flat("code_64", 0xa09b); flat("user_64", 0xa0fb); flat("conforming_64", 0xa09f); flat("code_16", 0x9b); flat("data_16", 0x93)
flat("absent_16", 0x1b); flat("absent_32", 0xc01b); flat("absent_64", 0xa01b); flat("data_absent", 0xc013); flat("data_read", 0xc091)
define("data_short", descriptor(0, 0xfff, 0x4093))
define("tss", descriptor(TSS, 0x67, 0x8b)); define("tss_high", 0)
local BEYOND = #bytes

local function segment(vmcs, name, selector, rights, base)
  vmcs["GUEST_" .. name .. "_SELECTOR"], vmcs["GUEST_" .. name .. "_AR_BYTES"] = selector, rights
  vmcs["GUEST_" .. name .. "_BASE"], vmcs["GUEST_" .. name .. "_LIMIT"] = base or 0, (rights & 0x8000) ~= 0 and 0xffffffff or 0xffff
end
local function fields(cs, cs_rights, ss, ss_rights)
  local vmcs = { GUEST_GDTR_BASE = GDT, GUEST_GDTR_LIMIT = BEYOND - 1, GUEST_IDTR_BASE = IDT, GUEST_IDTR_LIMIT = 0xfff }
  segment(vmcs, "CS", names[cs] | cs_rights >> 5 & 3, cs_rights)
  segment(vmcs, "SS", names[ss] | ss_rights >> 5 & 3, ss_rights)
  for _, name in ipairs { "DS", "ES", "FS", "GS" } do segment(vmcs, name, names.user_data | 3, 0xc0f3) end
  segment(vmcs, "TR", names.tss, 0x8b, TSS)
  vmcs.GUEST_TR_LIMIT = 0x67
  return vmcs
end
local function fields_8086()
  local vmcs = fields("user_32", 0xf3, "user_data", 0xf3)
  for _, name in ipairs { "DS", "ES", "FS", "GS" } do segment(vmcs, name, 0, 0xf3) end
  segment(vmcs, "CS", CODE >> 4, 0xf3, CODE)
  segment(vmcs, "SS", OUTER - 0x1000 >> 4, 0xf3, OUTER - 0x1000)
  return vmcs
end
-- full: with every event; else with those that differ in kind
local modes = {
  { name = "protected-16", mode = "protected", bits = 16, width = 16, cs = "code_16", absent = "absent_16", vmcs = fields("code_16", 0x9b, "data_16", 0x93) },
  { name = "protected-32", mode = "protected", bits = 32, width = 32, cs = "code_32", absent = "absent_32", vmcs = fields("code_32", 0xc09b, "data", 0xc093) },
  { name = "protected-32-ring-3", full = true, mode = "protected", bits = 32, width = 32, cs = "code_32", absent = "absent_32", user = true, inner = "tss",
    vmcs = fields("user_32", 0xc0fb, "user_data", 0xc0f3) },
  { name = "virtual-8086", full = true, mode = "protected", bits = 16, width = 32, cs = "code_32", absent = "absent_32", user = true, inner = "tss", flags = 0x23000,
    base = CODE, sp = 0x1000, vmcs = fields_8086() },
  { name = "compatibility", mode = "long", bits = 32, width = 64, cs = "code_64", absent = "absent_64", vmcs = fields("code_32", 0xc09b, "data", 0xc093) },
  { name = "compatibility-ring-3", mode = "long", bits = 32, width = 64, cs = "code_64", absent = "absent_64", user = true, inner = "rsp",
    vmcs = fields("user_32", 0xc0fb, "user_data", 0xc0f3) },
  { name = "long", mode = "long", bits = 64, width = 64, cs = "code_64", absent = "absent_64", vmcs = fields("code_64", 0xa09b, "data", 0xc093) },
  { name = "long-ring-3", full = true, mode = "long", bits = 64, width = 64, cs = "code_64", absent = "absent_64", user = true, inner = "rsp",
    vmcs = fields("user_64", 0xa0fb, "user_data", 0xc0f3) },
  { name = "long-interrupt-stack", mode = "long", bits = 64, width = 64, cs = "code_64", absent = "absent_64", inner = "ist", ist = 3,
    vmcs = fields("code_64", 0xa09b, "data", 0xc093) },
}

local SOFTWARE, PRIVILEGED, EXCEPTION, HARDWARE, NMI, EXTERNAL = 4, 5, 6, 3, 2, 0
local events = {
  { name = "int", kind = true, code = "int 0x40", vector = 0x40, type = SOFTWARE, length = 2, ext = 0 },
  { name = "int3", code = "int3", vector = 3, type = EXCEPTION, length = 1, ext = 0 },
  { name = "into", code = "into", vector = 4, type = EXCEPTION, length = 1, ext = 0, flags = 0x800, bits_64 = false },
  { name = "int1", code = "db 0xf1", vector = 1, type = PRIVILEGED, length = 1, ext = 1 },
  { name = "undefined", kind = true, code = "ud2", vector = 6, type = HARDWARE, ext = 1 },
  { name = "divide", code = "div bx", vector = 0, type = HARDWARE, ext = 1 },
  { name = "interrupt", kind = true, code = "vmcall", vector = 0x41, type = EXTERNAL, ext = 1, stimulus = function() return queue.interrupt(0x41) end, flags = 0x200 },
  { name = "nmi", code = "vmcall", vector = 2, type = NMI, ext = 1, stimulus = function() return queue.nmi() end },
}

-- What is wrong, and the fault that comes of it: `gate` fields and `state` of the TSS are over what would work, `vmcs` over the mode's fields.
local function selector_of(name, vector) return function(m) return { gate = { selector = names[name] }, vector = vector, error = names[name] } end end
local NP, SS, GP, TS = 11, 12, 13, 10
local function gate_error(e) return e.vector * 8 + 2 end
local function stack_segment(selector, vector)
  return function(m) return m.inner == "tss" and { ss = selector, vector = vector, error = selector & ~3 } end
end
local wrongs = {
  ["gate-absent"] = function(m, e) return { gate = { present = 0 }, vector = NP, error = gate_error(e) } end,
  ["gate-of-calls"] = function(m, e) return { gate = { kind = 12 }, vector = GP, error = gate_error(e) } end,
  ["gate-of-nothing"] = function(m, e) return { gate = { kind = 0 }, vector = GP, error = gate_error(e) } end,
  ["gate-of-16-bits"] = function(m, e) return m.width == 64 and { gate = { kind = 6 }, vector = GP, error = gate_error(e) } end,
  ["task-gate"] = function(m, e) return m.width == 64 and { gate = { kind = 5 }, vector = GP, error = gate_error(e) } end,
  ["gate-of-ring-0"] = function(m, e) return m.user and e.ext == 0 and { gate = { dpl = 0 }, vector = GP, error = gate_error(e) } end,
  ["gate-of-ring-0-absent"] = function(m, e) return m.user and e.ext == 0 and { gate = { dpl = 0, present = 0 }, vector = GP, error = gate_error(e) } end,
  ["beyond-the-idt"] = function(m, e)
    return { vmcs = { GUEST_IDTR_LIMIT = (e.vector + 1) * (m.width == 64 and 16 or 8) - 2 }, vector = GP, error = gate_error(e) }
  end,
  ["null-selector"] = function() return { gate = { selector = 0 }, vector = GP, error = 0 } end,
  ["beyond-the-gdt"] = function() return { gate = { selector = BEYOND }, vector = GP, error = BEYOND } end,
  ["no-ldt"] = function() return { gate = { selector = 0xc }, vector = GP, error = 0xc } end,
  ["data"] = selector_of("data", GP),
  ["a-tss"] = selector_of("tss", GP),
  ["code-absent"] = function(m) return { gate = { selector = names[m.absent] }, vector = NP, error = names[m.absent] } end,
  ["code-of-an-outer-ring"] = function(m)
    local outer = m.width == 64 and names.user_64 or names.user_32
    return not m.user and { gate = { selector = outer }, vector = GP, error = outer }
  end,
  ["code-of-ring-3"] = function(m) return m.name == "virtual-8086" and { gate = { selector = names.user_32 }, vector = GP, error = names.user_32 } end,
  ["conforming-code"] = function(m)
    return m.name == "virtual-8086" and { gate = { selector = names.conforming_32 }, vector = GP, error = names.conforming_32 }
  end,
  ["code-of-32-bits"] = function(m) return m.width == 64 and { gate = { selector = names.code_32 }, vector = GP, error = names.code_32 } end,
  ["tss-too-short"] = function(m)
    local last = ({ tss = 9, rsp = 11, ist = 28 + 8 * 3 + 7 })[m.inner]
    return last and { vmcs = { GUEST_TR_LIMIT = last - 1 }, vector = TS, error = names.tss, tr = last - 1 >= 0x67 }
  end,
  ["stack-unusable"] = function(m)
    local stays = not m.inner and m.width ~= 64
    return stays and { vmcs = { GUEST_SS_AR_BYTES = m.vmcs.GUEST_SS_AR_BYTES | 1 << 16 }, vector = SS, error = 0 }
  end,
  ["stack-segment-null"] = stack_segment(0, TS),
  ["stack-segment-with-rpl-1"] = stack_segment(names.data | 1, TS),
  ["stack-segment-of-ring-3"] = stack_segment(names.user_data, TS),
  ["stack-segment-read-only"] = stack_segment(names.data_read, TS),
  ["stack-segment-of-code"] = stack_segment(names.code_32, TS),
  ["stack-segment-beyond-the-gdt"] = stack_segment(BEYOND, TS),
  ["stack-segment-in-no-ldt"] = stack_segment(4, TS),
  ["stack-segment-absent"] = stack_segment(names.data_absent, SS),
  ["stack-segment-without-room"] = stack_segment(names.data_short, SS),
  ["no-room"] = function(m)
    return not m.inner and m.mode == "protected" and { vmcs = { GUEST_SS_LIMIT = 0xfff, GUEST_SS_AR_BYTES = m.width == 16 and 0x93 or 0x4093 }, vector = SS, error = 0 }
  end,
  ["stack-not-canonical"] = function(m) return m.width == 64 and m.inner and { pointer = 1 << 63, vector = SS, error = 0 } end,
  ["rsp-not-canonical"] = function(m) return m.bits == 64 and not m.inner and { vmcs = { GUEST_RSP = 1 << 63 }, vector = SS, error = 0 } end,
  ["entry-not-canonical"] = function(m) return m.width == 64 and { gate = { high = 0x8000 }, vector = GP, error = 0 } end,
}

local function gate(m, over)
  local kind, dpl = over.kind or (m.width == 16 and 6 or 14), over.dpl or 3
  local low = string.pack("<I2I2BBI2", HANDLER, over.selector or names[m.cs], m.ist or 0, kind | dpl << 5 | (over.present or 1) << 7, 0)
  return m.width == 64 and low .. string.pack("<I4I4", over.high or 0, 0) or low
end
local function task_state(m, wrong)
  local pointer = wrong.pointer or STACK
  if m.mode == "long" then return string.pack("<I4i8i8i8i8i8i8i8", 0, pointer, 0, 0, 0, 0, 0, pointer) end
  return string.pack("<I4I4I4", 0, STACK, wrong.ss or m.width == 16 and names.data_16 or names.data)
end

local list = {}
local function add(m, e, name, wrong)
  local ip, flags = CODE - (m.base or 0), (m.flags or 0) | (e.flags or 0) | 2
  local vmcs = { GUEST_RIP = ip, GUEST_RFLAGS = flags, GUEST_RSP = m.sp or OUTER }
  for key, value in pairs(m.vmcs) do vmcs[key] = value end
  for key, value in pairs(wrong.vmcs or {}) do vmcs[key] = value end
  local bitmap = { "#DF", "#TS", "#NP", "#SS", "#GP", "#PF" }
  local steps = {}
  if e.stimulus then steps[1] = e.stimulus() end
  steps[#steps + 1] = expect "EXCEPTION_NMI" {
    vector = wrong.vector, event_type = "hardware_exception", error_code = wrong.error | e.ext, rip = ip, rsp = vmcs.GUEST_RSP,
    rflags = { value = flags, mask = 0x23fd7 }, idt_info = 1 << 31 | e.type << 8 | e.vector, length = e.length or 0,
  }
  list[#list + 1] = scenario {
    name = name .. "-" .. m.name .. "-" .. e.name, mode = m.mode, vmcs = vmcs, steps = steps, controls = { pin = { nmi_exiting = false } },
    exception_bitmap = bitmap, policy = { exceptions = "stop" },
    memory = { [GDT] = bytes, [TSS] = task_state(m, wrong), [IDT + e.vector * (m.width == 64 and 16 or 8)] = gate(m, wrong.gate or {}) },
    guest = { asm(e.code, { bits = m.bits, address = CODE }), asm("vmcall", { bits = m.bits, address = HANDLER }) },
  }
end
for _, m in ipairs(modes) do
  for _, e in ipairs(events) do
    for name, make in pairs(wrongs) do
      local wrong = (m.full or e.kind) and (e.bits_64 ~= false or m.bits ~= 64) and make(m, e)
      if wrong then add(m, e, name, wrong) end
    end
  end
end
return list
