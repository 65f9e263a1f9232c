-- An EPT entry that allows writing but not reading is misconfigured, whatever the access.
return scenario {
  name   = "ept-misconfiguration",
  ept    = { { guest = 0x10000, rights = "w" } },
  policy = { ept = "stop" },
  guest  = asm [[
      rd:   mov eax, [0x10008]
  ]],
  steps = { expect "EPT_MISCONFIG" { rip = "rd", guest_physical = 0x10008, qualification = 0 } },
}
