-- Exceptions by the exception bitmap, page faults by mask and match, NMIs by NMI exiting.
local scenarios = {
  scenario {
    name             = "exception-bitmap-ud",
    exception_bitmap = { "#UD" },
    guest            = asm [[
      here: ud2
    ]],
    steps = { expect "EXCEPTION_NMI" { vector = "#UD", event_type = "hardware_exception", rip = "here", error_code = 0, length = 0 } },
  },
  -- An exception whose bit is 0 is the guest's own.
  scenario {
    name  = "exception-bitmap-clear",
    guest = asm [[
            ud2
            vmcall
      ud:   add qword [rsp], 2
            iretq
    ]],
    idt   = { [6] = "ud" },
    steps = { expect "VMCALL" {} },
    final = { exits = 1 },
  },
  -- INT3 is a software exception and has a length; the handler gives it back to the guest.
  scenario {
    name             = "exception-bitmap-bp",
    exception_bitmap = { "#BP" },
    guest            = asm [[
      here: int3
      next: vmcall
      brk:  mov ebx, 3
            iretq
    ]],
    idt   = { [3] = { "brk", dpl = 3 } },
    steps = {
      expect "EXCEPTION_NMI" { vector = "#BP", event_type = "software_exception", rip = "here", length = 1 },
      expect "VMCALL" { rip = "next", rbx = 3 },
    },
  },
  scenario {
    name             = "exception-bitmap-gp-error-code",
    exception_bitmap = { "#GP" },
    guest            = asm [[
            mov eax, 0x50
      here: mov ds, ax              ; beyond the GDT
    ]],
    steps = { expect "EXCEPTION_NMI" { vector = "#GP", error_code = 0x50, rip = "here" } },
  },
  -- Blocking by STI and MOV SS is saved as it was when the instruction began, which has not completed.
  scenario {
    name             = "exception-under-sti",
    exception_bitmap = { "#UD" },
    policy           = { exceptions = "stop" },
    guest            = asm [[
            sti
      here: ud2
    ]],
    steps = { expect "EXCEPTION_NMI" { vector = "#UD", rip = "here", interruptibility = 1 } },
  },
  scenario {
    name             = "exception-under-mov-ss",
    exception_bitmap = { "#UD" },
    policy           = { exceptions = "stop" },
    guest            = asm [[
            mov eax, 0x10
            mov ss, ax
      here: ud2
    ]],
    steps = { expect "EXCEPTION_NMI" { vector = "#UD", rip = "here", interruptibility = 2 } },
  },
  -- NMI exiting: the host takes its NMI and hands it on to the guest.
  scenario {
    name  = "nmi",
    guest = asm [[
      here: vmcall
            jmp here
      nmi:  mov ebx, 2
            iretq
    ]],
    idt   = { [2] = "nmi" },
    steps = {
      inject.nmi(),
      expect "EXCEPTION_NMI" { vector = "NMI", event_type = "nmi", rip = "here" },
      expect "VMCALL" { rip = "here", rbx = 2 },
    },
  },
}
-- A page fault exits iff "error code under the mask equals the match" is what bit 14 of the bitmap says.
for _, case in ipairs {
  { bit = true, mask = 0, match = 0, exits = true },
  { bit = true, mask = 1, match = 1, exits = false },
  { bit = false, mask = 1, match = 1, exits = true },
  { bit = false, mask = 0, match = 0, exits = false },
} do
  scenarios[#scenarios + 1] = scenario {
    name             = string.format("page-fault-bit-%d-mask-%d-match-%d", case.bit and 1 or 0, case.mask, case.match),
    exception_bitmap = case.bit and { "#PF" } or {},
    vmcs             = { PAGE_FAULT_ERROR_CODE_MASK = case.mask, PAGE_FAULT_ERROR_CODE_MATCH = case.match },
    pages            = { { linear = 0x400000, present = false } },
    idt              = { [14] = "fault" },
    guest            = asm [[
      here: mov eax, [0x400000]
      fault: vmcall
    ]],
    steps = {
      case.exits and expect "EXCEPTION_NMI" { vector = "#PF", error_code = 0, qualification = 0x400000, rip = "here" }
                  or expect "VMCALL" { rip = "fault" },
    },
  }
end
return scenarios
