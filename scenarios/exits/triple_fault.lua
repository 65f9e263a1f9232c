-- No IDT: the first exception cannot be delivered, nor the double fault after it. The handlers stop the guest and say where it was.
return scenario {
  name  = "triple-fault",
  vmcs  = { GUEST_IDTR_LIMIT = 0 },
  guest = asm [[
      here: ud2
  ]],
  steps = { expect "TRIPLE_FAULT" { rip = "here", qualification = 0 } },
  rest  = "any",
  final = { stop = "handler", exits = 1 },
}
