-- CPUID exits always; the handler answers and the guest goes on with the next instruction.
return scenario {
  name  = "cpuid",
  guest = asm [[
          mov eax, 1
          xor ecx, ecx
    leaf: cpuid
          mov esi, edx          ; CPUID.1:EDX, of which every processor with VMX has MSR (bit 5)
          vmcall
  ]],
  steps = {
    expect "CPUID" { rip = "leaf", length = 2, rax = 1, rcx = 0 },
    expect "VMCALL" { rip = "leaf+4", rsi = { value = 0x20, mask = 0x20 } },
  },
}
