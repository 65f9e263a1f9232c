-- RDTSC exiting.
return scenario {
  name     = "rdtsc",
  controls = { primary = { "rdtsc_exiting" } },
  guest    = asm [[
      now:  rdtsc
            vmcall
  ]],
  steps = {
    expect "RDTSC" { rip = "now", length = 2 },
    expect "VMCALL" {},
  },
}
