-- A virtual interrupt waits while IF is 0: the handlers open an interrupt window, which exits at the first instruction that may take it.
return scenario {
  name  = "interrupt-window",
  guest = asm [[
            vmcall                  ; IF is 0 here: the queued interrupt has to wait
            sti
            nop                     ; blocking by STI
      open: nop
      next: vmcall
            jmp next
      irq:  mov ebx, 0x55
            iretq
  ]],
  idt   = { [0x55] = "irq" },
  steps = {
    expect "VMCALL" {},
    queue.interrupt(0x55),
    expect "INTERRUPT_WINDOW" { rip = "open" },
    expect "VMCALL" { rip = "next", rbx = 0x55 },
  },
}
