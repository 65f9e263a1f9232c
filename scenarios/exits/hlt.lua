-- HLT exiting: the exit stands in place of the halt. A queued interrupt wakes the guest behind the instruction.
return {
  scenario {
    name     = "hlt",
    controls = { primary = { "hlt_exiting" } },
    guest    = asm [[
            sti
            nop
      halt: hlt
      next: vmcall
            jmp next
      irq:  mov ebx, 0x20
            iretq
    ]],
    idt   = { [0x20] = "irq" },
    steps = {
      expect "HLT" { rip = "halt", length = 1, activity = "active" },
      queue.interrupt(0x20),
      expect "VMCALL" { rip = "next", rbx = 0x20 },
    },
  },
  -- Without the control the processor halts in the guest, and an event ends it: here the host's interrupt, which the hypervisor hands on.
  scenario {
    name  = "hlt-without-exiting",
    guest = asm [[
            sti
            hlt
      next: vmcall
      irq:  mov ebx, 0x31
            iretq
    ]],
    idt   = { [0x31] = "irq" },
    steps = {
      inject.interrupt(0x31),
      expect "EXTERNAL_INTERRUPT" {},               -- at once: before STI
      expect "INTERRUPT_WINDOW" { rip = "next", activity = "hlt" },
      expect "VMCALL" { rip = "next", rbx = 0x31 },
    },
  },
  -- Nothing will wake the guest: the run ends by itself.
  scenario {
    name  = "hlt-forever",
    guest = asm [[
            cli
            hlt
    ]],
    steps = {},
    final = { stop = "halted", exits = 0, instructions = 2 },
  },
}
