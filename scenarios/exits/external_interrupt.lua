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
