-- MONITOR and MWAIT exiting.
return scenario {
  name     = "monitor-and-mwait",
  controls = { primary = { "monitor_exiting", "mwait_exiting" } },
  guest    = asm [[
            mov eax, 0x9000
            xor ecx, ecx
            xor edx, edx
      mon:  monitor
            xor eax, eax
      wait_: mwait
            vmcall
  ]],
  steps = {
    expect "MONITOR_INSTRUCTION" { rip = "mon", length = 3 },
    expect "MWAIT_INSTRUCTION" { rip = "wait_", length = 3 },
    expect "VMCALL" {},
  },
}
