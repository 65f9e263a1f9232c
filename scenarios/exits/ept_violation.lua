-- EPT violations: what the access was, what the page allows, and where. Bits 11:9 of the qualification depend on the processor.
return {
  scenario {
    name   = "ept-violation-read-only-page",
    ept    = { { guest = 0x10000, rights = "r" } },
    policy = { ept = "stop" },
    guest  = asm [[
            mov eax, [0x10008]
      wr:   mov [0x10008], eax
    ]],
    steps = {
      expect "EPT_VIOLATION" {
        rip = "wr", write = true, read = false, fetch = false, guest_physical = 0x10008, guest_linear = 0x10008, qualification = { value = 0x18a, mask = 0x1ff },
      },
    },
  },
  -- Map on demand: the handler gives the page and the instruction runs again.
  scenario {
    name  = "ept-violation-map-on-demand",
    ept   = { { guest = 0x20000, bytes = 0x2000, rights = "" } },
    guest = asm [[
      rd:   mov eax, [0x20010]
            mov [0x21000], eax
            vmcall
    ]],
    steps = {
      expect "EPT_VIOLATION" { rip = "rd", read = true, guest_physical = 0x20010, qualification = { value = 0x181, mask = 0x1ff } },
      expect "EPT_VIOLATION" { write = true, guest_physical = 0x21000 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name   = "ept-violation-fetch",
    ept    = { { guest = 0x30000, rights = "rw" } },
    policy = { ept = "stop" },
    guest  = asm [[
            mov eax, 0x30000
            jmp rax
    ]],
    steps = { expect "EPT_VIOLATION" { rip = 0x30000, fetch = true, guest_physical = 0x30000, qualification = { value = 0x19c, mask = 0x1ff } } },
  },
}
