-- WRMSR: as RDMSR, with the bitmaps' other half.
return {
  scenario {
    name  = "msr-write-without-bitmaps",
    guest = asm [[
            mov ecx, 0x174
            mov eax, 0x1000
            xor edx, edx
      put:  wrmsr
            rdmsr
            vmcall
    ]],
    steps = {
      expect "MSR_WRITE" { msr = 0x174, rax = 0x1000, rdx = 0, rip = "put", length = 2 },
      expect "MSR_READ" { msr = 0x174 },
      expect "VMCALL" { rax = 0x1000 },
    },
  },
  scenario {
    name       = "msr-write-bitmap",
    controls   = { primary = { "use_msr_bitmaps" } },
    msr_bitmap = { write = { { 0x175, 0x176 } } },
    guest      = asm [[
            mov eax, 0x1234
            xor edx, edx
            mov ecx, 0x174
            wrmsr
            mov ecx, 0x176
      put:  wrmsr
            rdmsr                   ; only the write exits
            vmcall
    ]],
    steps = {
      expect "MSR_WRITE" { msr = 0x176, rip = "put" },
      expect "VMCALL" { rax = 0x1234 },
    },
    final = { exits = 2 },
  },
}
