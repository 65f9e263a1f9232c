-- RDPMC exiting. The handlers have no counters to offer: #GP(0), as for a counter that does not exist.
return scenario {
  name     = "rdpmc",
  controls = { primary = { "rdpmc_exiting" } },
  idt      = { [13] = "gp" },
  guest    = asm [[
      here: rdpmc
      gp:   pop rbx                     ; the error code
            mov rcx, [rsp]              ; where it happened
            vmcall
  ]],
  steps = {
    expect "RDPMC" { rip = "here", length = 2 },
    expect "VMCALL" { rbx = 0, rcx = "here" },
  },
}
