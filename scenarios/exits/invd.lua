-- INVD exits always.
return scenario {
  name  = "invd",
  guest = asm [[
      here: invd
            vmcall
  ]],
  steps = {
    expect "INVD" { rip = "here", length = 2 },
    expect "VMCALL" {},
  },
}
