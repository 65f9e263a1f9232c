-- INVPCID exits with INVLPG exiting, once it is enabled.
return scenario {
  name     = "invpcid",
  controls = { primary = { "invlpg_exiting" }, secondary = { "enable_invpcid" } },
  guest    = asm [[
            mov eax, 2
      here: invpcid rax, [0x9000]
            vmcall
  ]],
  steps = {
    expect "INVPCID" { rip = "here", qualification = 0x9000, instruction_info = { value = 0, mask = 0xf0000000 } },
    expect "VMCALL" {},
  },
}
