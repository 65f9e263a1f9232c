-- Page-modification logging: with an index outside of the log the next page to become dirty exits.
return scenario {
  name     = "pml-full",
  controls = { secondary = { "enable_pml" } },
  vmcs     = { GUEST_PML_INDEX = 0xffff },
  guest    = asm [[
      here: mov [0x9000], eax
            vmcall
  ]],
  steps = {
    expect "PML_FULL" {},
  },
}
