-- Exits while an event is being delivered, in every mode: each structure that delivery reaches lies on a page without rights in the EPT. The exit shows the
-- state as the event met it and the event as IDT-vectoring information; the hypervisor maps the page and injects the event again, its handler runs on
-- what the frame says, and the guest goes on. SDM 3C, "Information for VM Exits That Occur During Event Delivery".
local CODE, HANDLER, GDT, LDT, IDT, TSS, STACK, OUTER = 0x8000, 0x9000, 0x10000, 0x11000, 0x12000, 0x13000, 0x15000, 0x17000
local LOW_VECTORS = 0 -- of real-address mode, and of INT n that is redirected
local LINEAR = 0x180  -- qualification: a linear address, and the access to its translation

-- ---- descriptors and gates ----
local function descriptor(base, limit, rights)
  return base << 16 & 0xffffff0000 | base >> 24 << 56 | limit & 0xffff | (limit >> 16 & 15) << 48 | rights << 40
end
local FLAT_32, FLAT_64, FLAT_16 = 0xc000, 0xa000, 0x0000
local function flat(rights) return descriptor(0, (rights & 0x8000) ~= 0 and 0xfffff or 0xffff, rights) end
local selectors = { code = 0x08, data = 0x10, user = 0x1b, user_data = 0x23, tss = 0x28, conforming = 0x38, code_64 = 0x40, user_64 = 0x4b, code_16 = 0x50,
                    data_16 = 0x58, ldt = 0x68, conforming_64 = 0x88 }
local function gdt()
  local d = {}
  for i = 0, 17 do d[i] = 0 end
  d[1], d[2], d[3], d[4] = flat(FLAT_32 | 0x9b), flat(FLAT_32 | 0x93), flat(FLAT_32 | 0xfb), flat(FLAT_32 | 0xf3)
  d[5], d[7], d[8], d[9] = descriptor(TSS, 0x1ff, 0x8b), flat(FLAT_32 | 0x9f), flat(FLAT_64 | 0x9b), flat(FLAT_64 | 0xfb)
  d[10], d[11], d[13], d[17] = flat(FLAT_16 | 0x9b), flat(FLAT_16 | 0x93), descriptor(LDT, 0xf, 0x82), flat(FLAT_64 | 0x9f)
  local bytes = ""
  for i = 0, 17 do bytes = bytes .. string.pack("<I8", d[i]) end
  return bytes
end
local function gate(width, vector, selector, ist)
  if width == "real" then return string.pack("<I2I2", HANDLER, 0) end
  local kind = ({ [16] = 0xe6, [32] = 0xee, [64] = 0xee })[width]
  local low = string.pack("<I2I2BBI2", HANDLER, selector, ist or 0, kind, 0)
  return width == 64 and low .. string.pack("<I8", 0) or low
end

-- ---- handlers: AX, BX, CX are IP, CS and flags of the frame; an error code is in DX; DI is added to IP before the return ----
local function handler(width, has_error)
  local pop = has_error and ({ [16] = "pop dx\n", [32] = "pop edx\n", [64] = "pop rdx\n" })[width] or ""
  local text = ({
    [16] = "mov bp, sp\nmov ax, [bp]\nmov bx, [bp + 2]\nmov cx, [bp + 4]\nand cx, 0x3fd7\nadd [bp], di\nvmcall\niret",
    [32] = "mov eax, [esp]\nmov ebx, [esp + 4]\nmov ecx, [esp + 8]\nand ecx, 0x23fd7\nadd [esp], edi\nvmcall\niretd",
    [64] = "mov rax, [rsp]\nmov rbx, [rsp + 8]\nmov rcx, [rsp + 16]\nand ecx, 0x3fd7\nadd [rsp], rdi\nvmcall\niretq",
  })[width]
  return asm(pop .. text, { bits = width, address = HANDLER })
end

-- ---- modes ----
local function segment(vmcs, name, selector, rights, base, limit)
  vmcs["GUEST_" .. name .. "_SELECTOR"], vmcs["GUEST_" .. name .. "_AR_BYTES"] = selector, rights
  vmcs["GUEST_" .. name .. "_BASE"], vmcs["GUEST_" .. name .. "_LIMIT"] = base or 0, limit or ((rights & 0x8000) ~= 0 and 0xffffffff or 0xffff)
end
local function fields(cs, cs_rights, ss, ss_rights, ldt_rights)
  local vmcs = { GUEST_GDTR_BASE = GDT, GUEST_GDTR_LIMIT = 0x8f, GUEST_IDTR_BASE = IDT, GUEST_IDTR_LIMIT = 0xfff }
  segment(vmcs, "CS", cs, cs_rights)
  segment(vmcs, "SS", ss, ss_rights)
  for _, name in ipairs { "DS", "ES", "FS", "GS" } do segment(vmcs, name, selectors.user_data, 0xc0f3) end
  segment(vmcs, "TR", selectors.tss, 0x8b, TSS, 0x1ff)
  segment(vmcs, "LDTR", selectors.ldt, 0x82, LDT, 0xf)
  return vmcs
end
local function fields_8086()
  local vmcs = fields(CODE >> 4, 0xf3, OUTER - 0x1000 >> 4, 0xf3)
  for _, name in ipairs { "DS", "ES", "FS", "GS" } do segment(vmcs, name, 0, 0xf3, 0, 0xffff) end
  segment(vmcs, "CS", CODE >> 4, 0xf3, CODE, 0xffff)
  segment(vmcs, "SS", OUTER - 0x1000 >> 4, 0xf3, OUTER - 0x1000, 0xffff)
  return vmcs
end
-- full: with every event; else with those that differ in kind; bits: of the program; width: of gate, frame and handler; inner: the stack comes from the TSS; sp: RSP of the program
local modes = {
  { name = "real", full = true, mode = "real", bits = 16, width = 16, vectors = "real", sp = 0x8000, stack = OUTER,
    vmcs = { GUEST_SS_SELECTOR = OUTER - 0x8000 >> 4, GUEST_SS_BASE = OUTER - 0x8000 } },
  { name = "real-code-base", mode = "real", bits = 16, width = 16, vectors = "real", sp = 0x8000, stack = OUTER, base = CODE,
    vmcs = { GUEST_SS_SELECTOR = OUTER - 0x8000 >> 4, GUEST_SS_BASE = OUTER - 0x8000, GUEST_CS_SELECTOR = CODE >> 4, GUEST_CS_BASE = CODE } },
  { name = "protected-16", mode = "protected", bits = 16, width = 16, cs = selectors.code_16, sp = 0x8000, stack = 0x8000,
    vmcs = fields(selectors.code_16, 0x9b, selectors.data_16, 0x93) },
  { name = "protected-32", mode = "protected", bits = 32, width = 32, cs = selectors.code, sp = OUTER, stack = OUTER,
    vmcs = fields(selectors.code, 0xc09b, selectors.data, 0xc093) },
  { name = "protected-32-by-16-bit-gate", mode = "protected", bits = 32, width = 16, cs = selectors.code_16, sp = 0x7000, stack = 0x6000, inner = true,
    user = true, vmcs = fields(selectors.user, 0xc0fb, selectors.user_data, 0xc0f3) },
  { name = "protected-32-ring-3", full = true, mode = "protected", bits = 32, width = 32, cs = selectors.code, sp = OUTER, stack = STACK, inner = true, user = true,
    vmcs = fields(selectors.user, 0xc0fb, selectors.user_data, 0xc0f3) },
  { name = "protected-32-conforming", mode = "protected", bits = 32, width = 32, cs = selectors.conforming, sp = OUTER, stack = OUTER, user = true, flags = 0x3000,
    vmcs = fields(selectors.user, 0xc0fb, selectors.user_data, 0xc0f3) },
  { name = "virtual-8086", full = true, mode = "protected", bits = 16, width = 32, cs = selectors.code, sp = 0x1000, stack = STACK, inner = true, base = CODE,
    flags = 0x23000, user = true, vmcs = fields_8086() },
  { name = "compatibility", mode = "long", bits = 32, width = 64, cs = selectors.code_64, sp = OUTER, stack = OUTER,
    vmcs = fields(selectors.code, 0xc09b, selectors.data, 0xc093) },
  { name = "compatibility-ring-3", mode = "long", bits = 32, width = 64, cs = selectors.code_64, sp = OUTER, stack = STACK, inner = true, user = true,
    vmcs = fields(selectors.user, 0xc0fb, selectors.user_data, 0xc0f3) },
  { name = "long", full = true, mode = "long", bits = 64, width = 64, cs = selectors.code_64, sp = OUTER, stack = OUTER,
    vmcs = fields(selectors.code_64, 0xa09b, selectors.data, 0xc093) },
  { name = "long-ring-3", mode = "long", bits = 64, width = 64, cs = selectors.code_64, sp = OUTER, stack = STACK, inner = true, user = true,
    vmcs = fields(selectors.user_64, 0xa0fb, selectors.user_data, 0xc0f3) },
  { name = "long-conforming", mode = "long", bits = 64, width = 64, cs = selectors.conforming_64, sp = OUTER, stack = OUTER, user = true, flags = 0x3000,
    vmcs = fields(selectors.user_64, 0xa0fb, selectors.user_data, 0xc0f3) },
  { name = "long-interrupt-stack", full = true, mode = "long", bits = 64, width = 64, cs = selectors.code_64, sp = OUTER, stack = STACK, inner = true, ist = 3,
    vmcs = fields(selectors.code_64, 0xa09b, selectors.data, 0xc093) },
}
local function task_state(mode)
  if mode.mode == "long" then
    return string.pack("<I4I8I8I8I8I8I8I8", 0, mode.stack, 0, 0, 0, STACK - 0x100, STACK - 0x200, STACK)
  end
  return string.pack("<I4I4I4", 0, mode.stack, mode.width == 16 and selectors.data_16 or selectors.data)
end

-- ---- events: what the program does, how the exit tells of it ----
local SOFTWARE, PRIVILEGED, EXCEPTION, HARDWARE, NMI, EXTERNAL = 4, 5, 6, 3, 2, 0
local events = {
  { name = "int", kind = true, code = "int 0x40", vector = 0x40, type = SOFTWARE, length = 2 },
  { name = "int3", code = "int3", vector = 3, type = EXCEPTION, length = 1 },
  { name = "into", code = "into", vector = 4, type = EXCEPTION, length = 1, flags = 0x800, bits_64 = false },
  { name = "int1", code = "db 0xf1", vector = 1, type = PRIVILEGED, length = 1 },
  { name = "undefined", kind = true, code = "ud2", vector = 6, type = HARDWARE, skip = 2 },
  { name = "divide", code = "div bx", vector = 0, type = HARDWARE, skip = 2, skip_wide = 3 },
  { name = "protection", kind = true, code = "mov ds, ax", vector = 13, type = HARDWARE, skip = 2, error = 0xff00, virtual = false },
  { name = "interrupt", kind = true, code = "", vector = 0x41, type = EXTERNAL, stimulus = function() return queue.interrupt(0x41) end, flags = 0x200 },
  { name = "nmi", code = "", vector = 2, type = NMI, stimulus = function() return queue.nmi() end },
}
local function possible(mode, event)
  if not mode.full and not event.kind then return false end
  if event.bits_64 == false and mode.bits == 64 then return false end
  return event.virtual ~= false or (mode.mode ~= "real" and mode.name ~= "virtual-8086")
end

-- ---- structures: the page without rights, and the access that meets it ----
local function entry_bytes(mode) return mode.mode == "long" and 16 or mode.vectors == "real" and 4 or 8 end
local structures = {
  idt = function(mode, event)
    local base = mode.vectors == "real" and LOW_VECTORS or IDT
    return { page = base, at = base + event.vector * entry_bytes(mode), read = true }
  end,
  gdt = function(mode) return mode.vectors ~= "real" and { page = GDT, at = GDT + (mode.cs & ~7), read = true } end,
  ldt = function(mode) return mode.vectors ~= "real" and { page = LDT, at = LDT + 8, read = true, cs = 0xc | mode.cs & 3 } end,
  tss = function(mode)
    local offset = mode.ist and 28 + 8 * mode.ist or mode.mode == "long" and 4 or 8 -- SS0 before ESP0
    return mode.inner and { page = TSS, at = TSS + offset, read = true }
  end,
  ["stack-segment"] = function(mode)
    return mode.inner and mode.mode == "protected" and { page = LDT, at = LDT, read = true, ss = 4 }
  end,
  -- The first value goes to the highest address; delivery in IA-32e mode aligns the stack.
  stack = function(mode) return { page = mode.stack - 0x1000, at = mode.stack - mode.width // 8, read = false } end,
}

local function rights_of_local_code(mode)
  if mode.width == 64 then return mode.name:find("conforming") and FLAT_64 | 0x9f or FLAT_64 | 0x9b end
  if mode.width == 16 then return FLAT_16 | 0x9b end
  return mode.name:find("conforming") and FLAT_32 | 0x9f or FLAT_32 | 0x9b
end
local function memory_of(mode, event, structure)
  local width = mode.vectors or mode.width
  local cs = structure.cs or mode.cs
  local ss = FLAT_32 | 0x93
  if mode.width == 16 then ss = FLAT_16 | 0x93 end
  local state = task_state(mode)
  if structure.ss then state = string.pack("<I4I4I4", 0, mode.stack, structure.ss) end
  local memory = {
    [GDT] = gdt(), [TSS] = state, [LDT] = string.pack("<I8I8", flat(ss), flat(rights_of_local_code(mode))),
    [(mode.vectors and LOW_VECTORS or IDT) + event.vector * entry_bytes(mode)] = gate(width, event.vector, cs, mode.ist),
  }
  return memory
end

local list = {}
local function skip_of(mode, event) return mode.bits ~= 16 and event.skip_wide or event.skip or 0 end
local function add(mode, event, name, structure)
  local ip = CODE - (mode.base or 0)
  local flags = (mode.flags or 0) | (event.flags or 0) | 2
  local returns = ip + (event.length or 0)
  local vmcs = { GUEST_RIP = ip, GUEST_RFLAGS = flags, GUEST_RSP = mode.sp }
  for key, value in pairs(mode.vmcs) do vmcs[key] = value end
  local steps = {}
  if event.stimulus then steps[1] = event.stimulus() end
  steps[#steps + 1] = expect "EPT_VIOLATION" {
    rip = ip, rsp = mode.sp, rflags = { value = flags, mask = 0x23fd7 }, guest_linear = structure.at, guest_physical = structure.at,
    qualification = { value = LINEAR | (structure.read and 1 or 2), mask = 0x187 },
    idt_info = 1 << 31 | event.type << 8 | event.vector | (event.error and 1 << 11 or 0), idt_error = event.error or 0, length = event.length or 0,
  }
  local cs = mode.vmcs.GUEST_CS_SELECTOR or 0
  steps[#steps + 1] = expect "VMCALL" { rax = returns, rbx = cs, rcx = flags & 0x23fd7, rdx = event.error or 0 }
  steps[#steps + 1] = expect "VMCALL" { rip = returns + skip_of(mode, event), rsp = mode.sp, rflags = { value = flags, mask = 0x23fd7 } }
  list[#list + 1] = scenario {
    name = mode.name .. "-" .. event.name .. "-" .. name, mode = mode.mode, vmcs = vmcs, steps = steps,
    controls = { pin = { nmi_exiting = false } },
    registers = { rsp = mode.sp, rax = event.error or 0, rdi = skip_of(mode, event) },
    ept = { { guest = structure.page, rights = "" } },
    memory = memory_of(mode, event, structure),
    guest = { asm(event.code .. "\nvmcall", { bits = mode.bits, address = CODE }), handler(mode.width, event.error and mode.mode ~= "real") },
  }
end
for _, mode in ipairs(modes) do
  for _, event in ipairs(events) do
    for name, find in pairs(structures) do
      local structure = possible(mode, event) and find(mode, event)
      if structure then add(mode, event, name, structure) end
    end
  end
end
return list
