-- MOV-DR exiting, both directions.
return scenario {
  name     = "dr-access",
  controls = { primary = { "mov_dr_exiting" } },
  guest    = asm [[
            mov eax, 0x1234
      put:  mov dr0, rax
      get:  mov rbx, dr0
            vmcall
  ]],
  steps = {
    expect "DR_ACCESS" { dr = 0, direction = "to", gpr = "rax", rip = "put", length = 3 },
    expect "DR_ACCESS" { dr = 0, direction = "from", gpr = "rbx", rip = "get" },
    expect "VMCALL" { rbx = 0x1234 },
  },
}
