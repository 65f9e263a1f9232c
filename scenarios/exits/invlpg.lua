-- INVLPG exiting; the qualification is the operand's linear address.
return scenario {
  name     = "invlpg",
  controls = { primary = { "invlpg_exiting" } },
  guest    = asm [[
            mov eax, 0x12345000
            mov ebx, 8
      inv:  invlpg [rax + rbx * 2 + 1]
            vmcall
  ]],
  steps = {
    expect "INVLPG" { qualification = 0x12345011, rip = "inv", length = 5 },
    expect "VMCALL" {},
  },
}
