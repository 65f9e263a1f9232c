-- PAUSE exiting.
return scenario {
  name     = "pause",
  controls = { primary = { "pause_exiting" } },
  guest    = asm [[
      here: pause
            vmcall
  ]],
  steps = {
    expect "PAUSE_INSTRUCTION" { rip = "here", length = 2 },
    expect "VMCALL" {},
  },
}
