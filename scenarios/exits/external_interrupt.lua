-- External-interrupt exiting: the exit comes whatever the guest's IF says.
return {
  scenario {
    name  = "external-interrupt",
    guest = asm [[
            sti
            nop
      loop: vmcall
            jmp loop
    ]],
    steps = {
      expect "VMCALL" {},
      inject.interrupt(0x40),
      expect "EXTERNAL_INTERRUPT" { rip = "loop+3", interruption_info = 0 },
    },
  },
  -- With IF = 0 too; the handlers queue the interrupt as the guest's, and it waits for its window.
  scenario {
    name  = "external-interrupt-with-if-0",
    guest = asm [[
      first: vmcall
             sti
             nop
      open:  nop
      next:  vmcall
             jmp next
      irq:   mov ebx, 0x55
             iretq
    ]],
    idt   = { [0x40] = "irq" },
    steps = {
      expect "VMCALL" {},
      inject.interrupt(0x40),
      expect "EXTERNAL_INTERRUPT" { rip = "first+3" },
      expect "INTERRUPT_WINDOW" { rip = "open" },
      expect "VMCALL" { rip = "next", rbx = 0x55 },
    },
  },
  -- "Acknowledge interrupt on exit" gives the vector.
  scenario {
    name     = "external-interrupt-acknowledged",
    controls = { exit = { "acknowledge_interrupt_on_exit" } },
    guest    = asm [[
            sti
            nop
      loop: vmcall
            jmp loop
    ]],
    steps = {
      expect "VMCALL" {},
      inject.interrupt(0x40),
      expect "EXTERNAL_INTERRUPT" { rip = "loop+3", vector = 0x40, event_type = "external_interrupt" },
    },
  },
}
