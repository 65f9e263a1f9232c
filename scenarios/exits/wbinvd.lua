-- WBINVD exiting.
return scenario {
  name     = "wbinvd",
  controls = { secondary = { "wbinvd_exiting" } },
  guest    = asm [[
      wb:   wbinvd
            vmcall
  ]],
  steps = {
    expect "WBINVD" { rip = "wb", length = 2, qualification = 0 },
    expect "VMCALL" {},
  },
}
