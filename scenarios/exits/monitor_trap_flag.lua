-- The monitor trap flag: an exit after each instruction.
local tigerlake = "bochs-tigerlake" -- the emulated processor that offers it
return {
  scenario {
    name  = "monitor-trap-flag",
    guest = asm [[
              vmcall
        one:  mov eax, 1
        two:  mov ebx, 2
        three: vmcall
    ]],
    steps = {
      expect "VMCALL" {},
      step_over(2),
      expect "MONITOR_TRAP_FLAG" { rip = "two", rax = 1 },
      expect "MONITOR_TRAP_FLAG" { rip = "three", rbx = 2 },
      expect "VMCALL" { rip = "three" },
    },
  },
  -- An instruction whose exit is not asked for is one as any other.
  scenario {
    name    = "monitor-trap-flag-after-out",
    profile = tigerlake,
    guest   = asm [[
             vmcall
             out 0x80, al
       next: vmcall
    ]],
    steps = { expect "VMCALL" {}, step_over(1), expect "MONITOR_TRAP_FLAG" { rip = "next" }, expect "VMCALL" { rip = "next" } },
  },
  -- An event of type 7 with vector 0 makes the exit pending, whatever the control says: no instruction runs before it.
  scenario {
    name    = "monitor-trap-flag-injected",
    profile = tigerlake,
    vmcs    = { VM_ENTRY_INTR_INFO_FIELD = 0x80000700 },
    guest   = asm [[
      here: vmcall
    ]],
    steps = { expect "MONITOR_TRAP_FLAG" { rip = "here" }, expect "VMCALL" { rip = "here" } },
  },
  -- It is not delivered: the guest is in HLT, and behind its STI, as the VMCS says.
  scenario {
    name    = "monitor-trap-flag-injected-in-hlt",
    profile = tigerlake,
    vmcs    = { VM_ENTRY_INTR_INFO_FIELD = 0x80000700, GUEST_ACTIVITY_STATE = 1 },
    guest   = asm [[
      here: vmcall
    ]],
    steps = { expect "MONITOR_TRAP_FLAG" { rip = "here", activity = 1 } },
  },
  scenario {
    name    = "monitor-trap-flag-injected-behind-sti",
    profile = tigerlake,
    vmcs    = { VM_ENTRY_INTR_INFO_FIELD = 0x80000700, GUEST_INTERRUPTIBILITY_INFO = 1, GUEST_RFLAGS = 0x202 },
    guest   = asm [[
      here: vmcall
    ]],
    steps = { expect "MONITOR_TRAP_FLAG" { rip = "here", interruptibility = 1 } },
  },
}
