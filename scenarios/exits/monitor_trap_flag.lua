-- The monitor trap flag: an exit after each instruction.
return scenario {
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
}
