-- Instruction boundaries: what one event leaves pending, the next judgement of the same boundary sees.
return {
  scenario {
    name  = "single-steps-over-sensitive-instructions",
    guest = asm [[
            vmcall
            sgdt [0x9000]
      b:    str eax
      c:    rep nop
      d:    mov rax, cr0
      e:    vmcall
    ]],
    steps = {
      expect "VMCALL" {},
      step_over(4),
      expect "MONITOR_TRAP_FLAG" { rip = "b" },
      expect "MONITOR_TRAP_FLAG" { rip = "c" },
      expect "MONITOR_TRAP_FLAG" { rip = "d" },
      expect "MONITOR_TRAP_FLAG" { rip = "e" },
      expect "VMCALL" {},
    },
  },
  -- Delivery of an interrupt that precedes the first instruction: the exit comes before the handler's first instruction.
  scenario {
    name     = "monitor-trap-flag-behind-a-delivery",
    controls = { pin = { external_interrupt_exiting = false } },
    idt      = { [0x40] = "isr" },
    guest    = asm [[
            sti
            nop
            vmcall
            nop
      isr:  vmcall
    ]],
    steps = {
      expect "VMCALL" {},
      inject.interrupt(0x40),
      step_over(1),
      expect "MONITOR_TRAP_FLAG" { rip = "isr" },
      expect "VMCALL" { rip = "isr", rsp = 0x70000 - 40 },
    },
  },
  -- The monitor trap flag goes before the trap of a single step, which stays pending.
  scenario {
    name  = "monitor-trap-flag-before-a-single-step",
    idt   = { [1] = "debug" },
    guest = asm [[
            vmcall
            push 0x102
            popfq
            nop
      next: nop
     debug: vmcall
    ]],
    steps = {
      expect "VMCALL" {},
      step_over(3),
      expect "MONITOR_TRAP_FLAG" {},
      expect "MONITOR_TRAP_FLAG" { pending_debug = 0 },
      expect "MONITOR_TRAP_FLAG" { rip = "next", pending_debug = 0x4000 },
      expect "VMCALL" { rip = "debug" },
    },
  },
  -- A halted processor hears no interrupt that IF blocks; time goes on.
  scenario {
    name     = "halted-with-a-blocked-interrupt",
    controls = { pin = { external_interrupt_exiting = false } },
    guest    = asm [[
            vmcall
            hlt
    ]],
    steps = {
      expect "VMCALL" {},
      inject.interrupt(0x40),
      after(500, inject.nmi()),
      expect "EXCEPTION_NMI" { vector = "NMI", activity = "hlt" },
    },
  },
}
