-- With virtual NMIs a second NMI waits until IRET ends the blocking; the window opens there.
return scenario {
  name     = "nmi-window",
  controls = { pin = { "virtual_nmis" } },
  guest    = asm [[
            vmcall
      next: vmcall
            jmp next
      nmi:  inc ebx
            vmcall
            iretq
  ]],
  idt   = { [2] = "nmi" },
  steps = {
    expect "VMCALL" {},
    queue.nmi(),
    expect "VMCALL" { rbx = 1, interruptibility = 8 },
    queue.nmi(),
    expect "NMI_WINDOW" { rip = "next", interruptibility = 0 },
    expect "VMCALL" { rbx = 2, interruptibility = 8 },
  },
}
