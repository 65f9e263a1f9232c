-- Descriptor-table exiting: GDTR and IDTR in one reason, LDTR and TR in the other; the instruction information says which.
return scenario {
  name     = "descriptor-tables",
  controls = { secondary = { "descriptor_table_exiting" } },
  guest    = asm [[
      g:    sgdt [0x9000]
      i:    sidt [0x9010]
      lg:   lgdt [0x9000]
      li:   lidt [0x9010]
      sl:   sldt eax
      st:   str ebx
            vmcall
  ]],
  steps = {
    expect "GDTR_IDTR" { rip = "g", qualification = 0x9000, instruction_info = { value = 0x00000000, mask = 0x30000000 } },
    expect "GDTR_IDTR" { rip = "i", instruction_info = { value = 0x10000000, mask = 0x30000000 } },
    expect "GDTR_IDTR" { rip = "lg", instruction_info = { value = 0x20000000, mask = 0x30000000 } },
    expect "GDTR_IDTR" { rip = "li", instruction_info = { value = 0x30000000, mask = 0x30000000 } },
    expect "LDTR_TR" { rip = "sl", qualification = 0, instruction_info = 0x400 },
    expect "LDTR_TR" { rip = "st", instruction_info = 0x10000418 },
    expect "VMCALL" { rax = 0, rbx = 0x18 },
  },
}
