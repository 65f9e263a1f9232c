-- RDPMC exiting.
return scenario {
  name             = "rdpmc",
  controls         = { primary = { "rdpmc_exiting" } },
  guest            = asm [[
      here: rdpmc
  ]],
  steps = { expect "RDPMC" { rip = "here", length = 2 } },
}
