-- RDRAND and RDSEED exiting: the instruction information names register and size.
return scenario {
  name     = "rdrand-and-rdseed",
  controls = { secondary = { "rdrand_exiting", "rdseed_exiting" } },
  guest    = asm [[
      rand: rdrand rbx
      seed: rdseed cx
            vmcall
  ]],
  steps = {
    expect "RDRAND" { rip = "rand", length = 4, instruction_info = 0x1018 },
    expect "RDSEED" { rip = "seed", length = 4, instruction_info = 0x0008 },
    expect "VMCALL" {},
  },
}
