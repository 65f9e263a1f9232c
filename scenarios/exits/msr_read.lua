-- RDMSR: without MSR bitmaps every one exits; with them, those whose bit is 1 and those outside of both ranges.
return {
  scenario {
    name  = "msr-read-without-bitmaps",
    guest = asm [[
            mov ecx, 0x174
      read: rdmsr
            vmcall
    ]],
    steps = {
      expect "MSR_READ" { msr = 0x174, rip = "read", length = 2 },
      expect "VMCALL" { rax = 0, rdx = 0 },
    },
  },
  scenario {
    name       = "msr-read-bitmap",
    controls   = { primary = { "use_msr_bitmaps" } },
    msr_bitmap = { read = { 0x175, 0xc0000082 } },
    guest      = asm [[
            mov ecx, 0x174
            rdmsr                   ; bit clear: no exit
            mov ecx, 0x175
      low:  rdmsr
            mov ecx, 0xc0000082
      high: rdmsr
            mov ecx, 0x4000
      past: rdmsr
    ]],
    exception_bitmap = { "#GP" },
    steps = {
      expect "MSR_READ" { msr = 0x175, rip = "low" },
      expect "MSR_READ" { msr = 0xc0000082, rip = "high" },
      expect "MSR_READ" { msr = 0x4000, rip = "past" },
    },
  },
}
