-- An EPT entry that allows writing but not reading is misconfigured, whatever the access.
return {
  -- Over memory it is a fault of the hypervisor's own, which it reports and stops at.
  scenario {
    name   = "ept-misconfiguration",
    ept    = { { guest = 0x10000, rights = "w" } },
    policy = { ept = "stop" },
    guest  = asm [[
        rd:   mov eax, [0x10008]
    ]],
    steps  = { expect "EPT_MISCONFIG" { rip = "rd", guest_physical = 0x10008, qualification = 0 } },
    rest   = "any",
    final  = { stop = "handler", exits = 1 },
  },
  -- Where no memory is it marks device registers: the handlers decode the instruction, do the access, and go on behind it.
  scenario {
    name   = "ept-misconfiguration-marks-a-device",
    ept    = { { guest = 0xfed00000, rights = "w" } },
    policy = { devices = true },
    guest  = asm [[
              mov ebx, 0xfed00000
        rd:   mov eax, [rbx]                ; the event timer's capabilities: vendor 8086H in bits 31:16
              shr eax, 16
              vmcall
    ]],
    steps  = {
      expect "EPT_MISCONFIG" { rip = "rd", guest_physical = 0xfed00000 },
      expect "VMCALL" { rax = 0x8086 },
    },
  },
}
