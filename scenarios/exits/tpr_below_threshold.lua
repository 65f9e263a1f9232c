-- The TPR threshold: MOV to CR8 below it exits after the instruction.
return scenario {
  name     = "tpr-below-threshold",
  controls = { primary = { "use_tpr_shadow" } },
  vmcs     = { TPR_THRESHOLD = 0 },
  guest    = asm [[
            mov eax, 6
            mov cr8, rax
            vmcall
            mov eax, 2
            mov cr8, rax
      after: vmcall
  ]],
  steps = {
    expect "VMCALL" {},
    write.field("TPR_THRESHOLD", 4),
    expect "TPR_BELOW_THRESHOLD" { rip = "after" },
    write.field("TPR_THRESHOLD", 0),
    expect "VMCALL" {},
  },
}
