-- What an EPT violation says of an access that reads and then writes.
return scenario {
  name      = "read-modify-write",
  ept       = { { guest = 0x30000, bytes = 0x1000, rights = "" } },
  policy    = { ept = "stop" },
  guest     = asm [[
           mov ebx, 0x30000
    here:  add [rbx], al
  ]],
  steps = { expect "EPT_VIOLATION" { rip = "here", guest_physical = 0x30000, read = true } },
}
