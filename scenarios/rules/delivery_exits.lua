-- Exits of every other kind while an event is being delivered, events that the hypervisor injects, and what the guest sees once they are injected again.
-- SDM 3C, "Information for VM Exits That Occur During Event Delivery", "Event Injection".
local SOFTWARE, PRIVILEGED, EXCEPTION, HARDWARE, NMI, EXTERNAL = 4, 5, 6, 3, 2, 0
local function info(type, vector, error) return 1 << 31 | type << 8 | vector | (error and 1 << 11 or 0) end
local list = {}
local function add(t) list[#list + 1] = scenario(t) end

-- ---- the APIC-access page, a misconfigured page, a full page-modification log ----
for _, place in ipairs { "stack", "idt" } do
  local vmcs = place == "idt" and { GUEST_IDTR_BASE = 0xfee00000 } or { GUEST_RSP = 0xfee00110 }
  local structure = { access = "delivery", offset = place == "idt" and 0x400 or 0x108, rip = "here", idt_info = info(SOFTWARE, 0x40), length = 2 }
  add { name = "apic-access-" .. place, vmcs = vmcs, registers = place == "stack" and { rsp = 0xfee00110 } or nil, policy = { devices = false },
        controls = { secondary = { "virtualize_apic_accesses" } }, idt = { [0x40] = "here" }, guest = asm "here: int 0x40",
        steps = { expect "APIC_ACCESS" (structure) } }
end
for _, mode in ipairs { "real", "protected", "long" } do
  add { name = "misconfiguration-" .. mode, mode = mode, ept = { { guest = mode == "real" and 0 or 0x2000, rights = "w" } }, policy = { ept = "stop" },
        idt = { [6] = "here" }, guest = asm "here: ud2",
        steps = { expect "EPT_MISCONFIG" { rip = "here", guest_physical = mode == "real" and 0x18 or mode == "long" and 0x2060 or 0x2030, idt_info = info(HARDWARE, 6) } } }
end
-- The accessed flags of what delivery reads are set already, and the log's last entry is used: the dirty flag of the stack is the next.
add { name = "page-modification-log", mode = "protected", controls = { secondary = { "enable_pml" } }, vmcs = { GUEST_PML_INDEX = 0 }, idt = { [0x40] = "here" },
      ept = { { guest = 0, bytes = 0x80000, rights = "rwx", page = "4K" } },
      guest = asm "mov eax, [0x1000]\nmov eax, [0x2000]\nmov eax, [0x6fff0]\nmov [0x9000], eax\nhere: int 0x40",
      steps = { expect "PML_FULL" { rip = "here", idt_info = info(SOFTWARE, 0x40), length = 2 } } }
-- The walk of the pushed frame: a page table without rights, for which there is no access to what the linear address translates to.
add { name = "paging-structure", pages = { { linear = 0x600000, guest = 0x30000 } }, registers = { rsp = 0x600800 }, ept = { { guest = 0x70000, rights = "" } },
      idt = { [0x40] = "handler" }, guest = asm "here: int 0x40\nhandler: mov rax, [rsp]\nvmcall",
      steps = { expect "EPT_VIOLATION" { rip = "here", guest_linear = 0x6007f8, guest_physical = 0x70000, qualification = { value = 0x80, mask = 0x180 },
                                         idt_info = info(SOFTWARE, 0x40), length = 2 },
                expect "VMCALL" { rax = "here+2", rsp = 0x6007d8 } } }
-- Delivery is over when the handler's first instruction is fetched.
add { name = "handler-itself", ept = { { guest = 0x9000, rights = "" } }, idt = { [0x40] = 0x9000 },
      guest = { asm "int 0x40", asm("mov rax, [rsp]\nvmcall", { address = 0x9000 }) },
      steps = { expect "EPT_VIOLATION" { rip = 0x9000, fetch = true, idt_info = 0, rsp = 0x6ffd8 }, expect "VMCALL" { rax = 0x8002 } } }

-- ---- faults keep RF = 1 for their frame, also when they are injected again; a debug exception has written DR6 when it exits ----
for _, event in ipairs { { "undefined", "ud2", 6, 0x10000 }, { "int", "int 0x06", 6, 0 } } do
  add { name = "resume-flag-" .. event[1], ept = { { guest = 0x2000, rights = "" } }, idt = { [6] = "handler" },
        guest = asm("here: " .. event[2] .. "\nhandler: mov rcx, [rsp + 16]\nand ecx, 0x10000\nvmcall"),
        steps = { expect "EPT_VIOLATION" { rip = "here", rflags = { value = event[4], mask = 0x10000 } }, expect "VMCALL" { rcx = event[4] } } }
end
add { name = "single-step", ept = { { guest = 0x2000, rights = "" } }, vmcs = { GUEST_RFLAGS = 0x102 }, idt = { [1] = "handler" },
      guest = asm "nop\nhere: nop\nhandler: mov rcx, [rsp]\nmov rdx, dr6\nand edx, 0xe00f\nvmcall",
      steps = { expect "EPT_VIOLATION" { rip = "here", idt_info = info(HARDWARE, 1), pending_debug = 0 }, expect "VMCALL" { rcx = "here", rdx = 0x4000 } } }

-- ---- a page fault of the delivery: the guest's handler mends the page, and the event comes again, an interrupt or NMI by the hypervisor ----
local HIDDEN, ENTRY = 0x20000, 0x70100 -- an interrupt stack on the page that is not there
for _, e in ipairs {
  { name = "int", code = "here: int 0x40", vector = 0x40, type = SOFTWARE, length = 2, returns = "here+2" },
  { name = "undefined", code = "here: ud2", vector = 6, type = HARDWARE },
  { name = "interrupt", code = "cpuid\nhere: jmp here", vector = 0x41, type = EXTERNAL, stimulus = queue.interrupt(0x41), flags = 0x202, window = "INTERRUPT_WINDOW" },
  { name = "nmi", code = "cpuid\nhere: jmp here", vector = 2, type = NMI, stimulus = queue.nmi(), blocking = 8, window = "NMI_WINDOW" },
} do
  for _, exits in ipairs(e.stimulus and { true } or { true, false }) do
    local steps = {}
    local function step(s) steps[#steps + 1] = s end
    if e.stimulus then step(expect "CPUID" {}); step(e.stimulus) end
    if exits then
      step(expect "EXCEPTION_NMI" { vector = "#PF", error_code = 2, qualification = HIDDEN + 0xff8, rip = "here", idt_info = info(e.type, e.vector),
                                    length = e.length or 0, interruptibility = e.blocking or 0 })
    end
    step(expect "VMCALL" { rip = "mended", rax = "here", rbx = 2, rcx = HIDDEN + 0xff8, interruptibility = e.blocking or 0 })
    if e.window then step(expect(e.window) {}) end
    step(expect "VMCALL" { rip = "handled", rax = e.returns or "here", rsp = HIDDEN + 0xfd8 })
    add { name = "page-fault-" .. e.name .. (exits and "-exits" or ""), exception_bitmap = exits and { "#PF" } or {},
          controls = { pin = { virtual_nmis = true } }, pages = { { linear = HIDDEN, present = false } }, vmcs = { GUEST_RFLAGS = e.flags or 2 },
          memory = { [0x2004 + e.vector * 16] = "\3", [0x3034] = string.pack("<I8", HIDDEN + 0x1000) },
          idt = { [14] = "fault", [e.vector] = "handler" },
          guest = asm(e.code .. ([[

            fault:   pop rbx
                     mov rax, [rsp]
                     mov rcx, cr2
                     mov qword [%d], 0x20067
                     invlpg [0x20000]
                     and qword [rsp + 16], ~0x10000
            mended:  vmcall
                     iretq
            handler: mov rax, [rsp]
            handled: vmcall
                     hlt
          ]]):format(ENTRY)),
          steps = steps }
  end
end
-- ---- events of the hypervisor: their fields come back as IDT-vectoring information when the IDT is not there, and they arrive then ----
for _, mode in ipairs { "real", "protected", "long" } do
  for _, e in ipairs {
    { "external-interrupt", EXTERNAL, 0x50 }, { "nmi", NMI, 2 }, { "divide", HARDWARE, 0 }, { "debug", HARDWARE, 1 }, { "protection", HARDWARE, 13, 0xabc8 },
    { "page-fault", HARDWARE, 14, 2 }, { "double-fault", HARDWARE, 8, 0 }, { "int", SOFTWARE, 0x50, nil, 2 }, { "int-of-15-bytes", SOFTWARE, 0x51, nil, 15 },
    { "int1", PRIVILEGED, 1, nil, 1 }, { "int3", EXCEPTION, 3, nil, 1 }, { "into", EXCEPTION, 4, nil, 1 },
  } do
    local name, type, vector, error, length = e[1], e[2], e[3], mode ~= "real" and e[4] or nil, e[5] or 0
    local word = info(type, vector, error)
    local pop = ({ real = "pop ax\n", protected = "pop eax\n", long = "pop rax\n" })[mode]
    add { name = "injected-" .. name .. "-" .. mode, mode = mode, controls = { pin = { nmi_exiting = false } }, idt = { [vector] = "handler" },
          vmcs = { VM_ENTRY_INTR_INFO_FIELD = word, VM_ENTRY_EXCEPTION_ERROR_CODE = error or 0, VM_ENTRY_INSTRUCTION_LEN = length,
                   GUEST_RFLAGS = type == EXTERNAL and 0x202 or 2 },
          ept = { { guest = mode == "real" and 0 or 0x2000, rights = "" } },
          guest = asm("here: hlt\nhandler: " .. (error and (pop:gsub("ax", "bx")) or "xor ebx, ebx\n") .. pop .. "vmcall"),
          steps = { expect "EPT_VIOLATION" { rip = "here", idt_info = word, idt_error = error or 0, length = length, interruptibility = type == NMI and 8 or 0 },
                    expect "VMCALL" { rax = ("here+%d"):format(length), rbx = error or 0 } } }
  end
end

-- What stops at the vector has pushed already.
add { name = "real-vector-behind-the-stack", mode = "real", ept = { { guest = 0, rights = "" } }, guest = asm("here: int 0x50"),
      steps = { expect "EPT_VIOLATION" { rip = "here", rsp = 0xfff0, guest_linear = 0x140, idt_info = info(SOFTWARE, 0x50), length = 2 } },
      final = { stop = "steps", memory = { [0x6ffea] = string.pack("<I2I2I2", 0x8002, 0, 2) } } }

-- ---- task gates: the hypervisor switches, and the task's IRET comes back the same way ----
local TASK = 0x3100 -- selector 20H of the preset
local function tss(t)
  return string.pack("<I4 I4I4I4I4I4I4 I4 I4I4 I4I4I4I4I4I4I4I4 I4I4I4I4I4I4 I4 I2I2", 0, 0, 0, 0, 0, 0, 0, 0, t.eip, 2, 0xa, 0, 0, 0, 0x60000, 0, 0, 0, 0x10, 0x08, 0x10,
                     0x10, 0, 0, 0, 0, 0x68)
end
for _, e in ipairs {
  { "int", "int 0x40", 0x40, SOFTWARE, length = 2 }, { "int3", "int3", 3, EXCEPTION, length = 1 }, { "int1", "db 0xf1", 1, PRIVILEGED, length = 1 },
  { "undefined", "ud2", 6, HARDWARE, skip = 2 }, { "protection", "mov ds, ax", 13, HARDWARE, skip = 2, error = 0xff00 },
  { "interrupt", "nop", 0x41, EXTERNAL, stimulus = queue.interrupt(0x41), flags = 0x202 }, { "nmi", "nop", 2, NMI, stimulus = queue.nmi() },
} do
  for _, place in ipairs { "", "-gdt" } do
    local steps, word = {}, info(e[4], e[3], e.error)
    local function step(s) steps[#steps + 1] = s end
    local state = { rip = "here", rsp = 0x70000, idt_info = word, idt_error = e.error or 0, length = e.length or 0 }
    local function with(more)
      for key, value in pairs(state) do more[key] = value end
      return more
    end
    if e.stimulus then step(e.stimulus) end
    if place == "-gdt" then step(expect "EPT_VIOLATION" (with { guest_linear = 0x1020 })) end
    step(expect "TASK_SWITCH" (with { source = "gate", selector = 0x20 }))
    step(expect "VMCALL" { rip = 0x9000, rax = 0xa, rsp = e.error and 0x5fffc or 0x60000 })
    step(expect "TASK_SWITCH" { source = "iret", selector = 0x18, idt_info = 0, length = 1, interruptibility = 0 })
    step(expect "VMCALL" { rip = ("here+%d"):format(e.length or e.skip or 1) })
    add { name = "task-gate-" .. e[1] .. place, mode = "protected", controls = { pin = { nmi_exiting = false } }, registers = { rax = e.error or 0 },
          vmcs = { GUEST_RFLAGS = e.flags or 2 }, ept = place == "-gdt" and { { guest = 0x1000, rights = "" } } or nil,
          memory = { [TASK] = tss { eip = 0x9000 }, [0x2000 + e[3] * 8] = string.pack("<I2I2I2I2", 0, 0x20, 0x8500, 0) },
          guest = { asm("here: " .. e[2] .. "\nvmcall"),
                    asm("vmcall\n" .. (e.error and "pop ecx\n" or "") .. ("add dword [0x3020], %d\niretd"):format(e.skip or 0), { address = 0x9000 }) },
          steps = steps }
  end
end

-- ---- virtual-8086 mode with CR4.VME: INT n reaches the program's own vectors, and an injected one does as well ----
local function segment(vmcs, name, base)
  vmcs["GUEST_" .. name .. "_SELECTOR"], vmcs["GUEST_" .. name .. "_BASE"] = base >> 4, base
  vmcs["GUEST_" .. name .. "_AR_BYTES"], vmcs["GUEST_" .. name .. "_LIMIT"] = 0xf3, 0xffff
end
for _, iopl in ipairs { 0, 3 } do
  local flags = 0x80002 | 0x20000 | iopl << 12 | 0x200 -- VIF, VM, IF
  local pushed = 0x3202 -- below IOPL 3 the image has VIF in place of IF, and IOPL 3
  for _, place in ipairs {
    { "tss", 0x3000, 0x3066 }, { "bitmap", 0x13000, 0x13008 }, { "vector", 0, 0x100 }, { "stack", 0x16000, 0x16ffe },
  } do
    local vmcs = { GUEST_RFLAGS = flags, GUEST_RIP = 0, GUEST_CR4 = 0x2001, GUEST_TR_LIMIT = 0x1fff, GUEST_TR_BASE = 0x3000 }
    for _, name in ipairs { "DS", "ES", "FS", "GS" } do segment(vmcs, name, 0) end
    segment(vmcs, "CS", 0x8000)
    segment(vmcs, "SS", 0x16000)
    local map = 0x68 -- the I/O map base; the redirection bitmap is the 32 bytes below
    if place[1] == "bitmap" then vmcs.GUEST_TR_BASE, vmcs.GUEST_TR_LIMIT, map = 0x12f80, 0x1ff, 0xa0 end
    add { name = "redirected-" .. place[1] .. "-iopl-" .. iopl, profile = "bochs-tigerlake", mode = "protected", vmcs = vmcs, registers = { rsp = 0x1000 },
          ept = { { guest = place[2], rights = "" } },
          memory = { [vmcs.GUEST_TR_BASE] = string.rep("\0", 0x66) .. string.pack("<I2", map), [0x100] = string.pack("<I2I2", 0x1000, 0x800) },
          guest = { asm("int 0x40\nvmcall", { bits = 16 }), asm("pop ax\npop bx\npop cx\nsub sp, 6\nvmcall\niret", { bits = 16, address = 0x9000 }) },
          steps = {
            expect "EPT_VIOLATION" { rip = 0, rsp = 0x1000, guest_linear = place[3], idt_info = info(SOFTWARE, 0x40), length = 2 },
            expect "VMCALL" { rax = 2, rbx = 0x800, rcx = pushed, rflags = { value = iopl == 3 and 0xa3002 or 0x20202, mask = 0xa3200 } },
            expect "VMCALL" { rip = 2, rsp = 0x1000, rflags = { value = flags, mask = 0xa3200 } },
          } }
  end
end
return list
