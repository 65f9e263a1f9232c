-- RDTSC exiting. The handlers give the time-stamp counter as the guest would have read it: by offset, where that control is 1, and it goes on.
return {
  scenario {
    name     = "rdtsc",
    controls = { primary = { "rdtsc_exiting" } },
    guest    = asm [[
        now:  rdtsc
              vmcall
    ]],
    steps = {
      expect "RDTSC" { rip = "now", length = 2 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name     = "rdtsc-with-an-offset",
    controls = { primary = { "rdtsc_exiting", "use_tsc_offsetting" } },
    vmcs     = { TSC_OFFSET = 1 << 60 },
    guest    = asm [[
        now:  rdtsc
              mov esi, eax
              mov ebx, edx
              rdtsc
              sub eax, esi
              sbb edx, ebx
              setnc cl                  ; the second is no earlier than the first
              shr ebx, 28
              xor eax, eax
              xor edx, edx
              vmcall
    ]],
    steps = {
      expect "RDTSC" { rip = "now" },
      expect "RDTSC" {},
      expect "VMCALL" { rcx = 1, rbx = 1 },
    },
  },
}
