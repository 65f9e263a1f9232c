-- The APIC-access page: accesses that nothing virtualizes exit with offset and kind.
return {
  scenario {
    name     = "apic-access",
    controls = { secondary = { "virtualize_apic_accesses" } },
    guest    = asm [[
              mov ebx, 0xfee00000
        rd:   mov eax, [rbx + 0x30]
        wr:   mov [rbx + 0xf0], eax
              vmcall
    ]],
    steps = {
      expect "APIC_ACCESS" { rip = "rd", offset = 0x30, access = "read" },
      expect "APIC_ACCESS" { rip = "wr", offset = 0xf0, access = "write" },
      expect "VMCALL" {},
    },
  },
  -- What reads and writes back is a write, as it is for paging and EPT.
  scenario {
    name     = "read-modify-write",
    controls = { secondary = { "virtualize_apic_accesses" } },
    guest    = asm [[
              mov ebx, 0xfee00000
        add:  add [rbx + 0x80], eax
        xchg: xchg [rbx + 0x300], eax
        test: test [rbx + 0x20], eax
              vmcall
    ]],
    steps = {
      expect "APIC_ACCESS" { rip = "add", offset = 0x80, access = "write" },
      expect "APIC_ACCESS" { rip = "xchg", offset = 0x300, access = "write" },
      expect "APIC_ACCESS" { rip = "test", offset = 0x20, access = "read" },
      expect "VMCALL" {},
    },
  },
  -- A read that would be virtualized does not make the write of another register's rule pass: EOI may be written and not read.
  scenario {
    name     = "read-modify-write-of-eoi",
    controls = { pin = { "external_interrupt_exiting" }, primary = { "use_tpr_shadow" },
                 secondary = { "virtualize_apic_accesses", "virtual_interrupt_delivery" } },
    guest    = asm [[
              mov ebx, 0xfee00000
        and:  and dword [rbx + 0xb0], 0
              vmcall
    ]],
    steps = { expect "APIC_ACCESS" { rip = "and", offset = 0xb0, access = "write" } },
  },
}
