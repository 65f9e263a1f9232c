-- What an EPT violation says of an access that reads and then writes, and of one of many that an event's delivery makes.
local taken = { { guest = 0x30000, bytes = 0x1000, rights = "" } }
return {
  scenario {
    name      = "read-modify-write",
    ept       = taken,
    policy    = { ept = "stop" },
    guest     = asm [[
             mov ebx, 0x30000
      here:  add [rbx], al
    ]],
    steps = { expect "EPT_VIOLATION" { rip = "here", guest_physical = 0x30000, read = true } },
  },
  -- SS and RSP go to the page above, the first value that does not is RFLAGS.
  scenario {
    name      = "delivery-pushes-from-the-top",
    ept       = taken,
    policy    = { ept = "stop" },
    registers = { rsp = 0x31010 },
    idt       = { [6] = "here" },
    guest     = asm [[
      here:  ud2
    ]],
    steps = {
      expect "EPT_VIOLATION" { rip = "here", guest_linear = 0x30ff8, guest_physical = 0x30ff8, write = true, idt_vector = "#UD",
                               idt_type = "hardware_exception" },
    },
  },
}
