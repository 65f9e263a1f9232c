-- The APIC-access page: accesses that nothing virtualizes exit with offset and kind.
return scenario {
  name     = "apic-access",
  controls = { secondary = { "virtualize_apic_accesses" } },
  guest    = asm [[
            mov ebx, 0xfee00000
      rd:   mov eax, [rbx + 0x30]
      wr:   mov [rbx + 0xf0], eax
            vmcall
  ]],
  steps = {
    expect "APIC_ACCESS" { rip = "rd", offset = 0x30, access = "read" },
    expect "APIC_ACCESS" { rip = "wr", offset = 0xf0, access = "write" },
    expect "VMCALL" {},
  },
}
