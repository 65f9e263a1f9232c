-- No IDT: the first exception cannot be delivered, nor the double fault after it.
return scenario {
  name  = "triple-fault",
  vmcs  = { GUEST_IDTR_LIMIT = 0 },
  guest = asm [[
      here: ud2
  ]],
  steps = { expect "TRIPLE_FAULT" { rip = "here", qualification = 0 } },
}
