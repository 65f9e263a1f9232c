-- Page-modification logging: with an index outside of the log the next page to become dirty exits, here a page table whose accessed flag the first fetch
-- sets. The handlers empty the log, and the instruction runs again.
return scenario {
  name     = "pml-full",
  controls = { secondary = { "enable_pml" } },
  vmcs     = { GUEST_PML_INDEX = 0xffff },
  guest    = asm [[
      here: mov eax, 5
            mov [0x9000], eax
            mov [0xa000], eax           ; the log has room now
            vmcall
  ]],
  steps = {
    expect "PML_FULL" { rip = "here", qualification = 0 },
    expect "VMCALL" {},
  },
  final = { memory = { [0x9000] = "\5", [0xa000] = "\5" }, exits = 2 },
}
