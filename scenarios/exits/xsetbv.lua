-- XSETBV exits always, once CR4.OSXSAVE allows it at all.
return scenario {
  name  = "xsetbv",
  vmcs  = { GUEST_CR4 = 0x42020, CR4_READ_SHADOW = 0x40020 },
  guest = asm [[
            xor ecx, ecx
            xor edx, edx
            mov eax, 3
      here: xsetbv
            xgetbv
            vmcall
  ]],
  steps = {
    expect "XSETBV" { rip = "here", length = 3, rax = 3, rcx = 0 },
    expect "VMCALL" { rax = 3 },
  },
}
