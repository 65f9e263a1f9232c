-- XSAVES and XRSTORS exit for state components that the XSS-exiting bitmap names. Without them they are undefined instructions here.
return scenario {
  name             = "xsaves-not-enabled",
  vmcs             = { GUEST_CR4 = 0x42020, CR4_READ_SHADOW = 0x40020 },
  exception_bitmap = { "#UD" },
  guest            = asm [[
            mov eax, 1
            xor edx, edx
      here: xsaves64 [0x9000]
  ]],
  steps = { expect "EXCEPTION_NMI" { vector = "#UD", rip = "here" } },
}
