-- VMCALL exits at any privilege level. With the policy vmcall_stops, EAX = 0 ends the run.
return scenario {
  name   = "vmcall",
  policy = { vmcall_stops = true },
  guest  = asm [[
            mov eax, 1
      call1: vmcall
            mov rsp, 0x6f000
            push 0x33
            push 0x6f000
            push 2
            push 0x2b
            push user
            iretq
      user: mov eax, 0
      call3: vmcall
  ]],
  steps = {
    expect "VMCALL" { rip = "call1", length = 3, rax = 1 },
    expect "VMCALL" { rip = "call3", rax = 0 },
  },
  rest  = "any",
  final = { stop = "power_off", exits = 2 },
}
