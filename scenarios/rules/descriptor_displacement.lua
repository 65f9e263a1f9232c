-- The displacement in the exit qualification is sign-extended from the address size.
local function table_access(name, mode, code, displacement)
  return scenario {
    name = name, mode = mode, controls = { secondary = { "descriptor_table_exiting" } }, guest = asm(code),
    steps = { expect "GDTR_IDTR" { qualification = displacement } },
  }
end
return {
  table_access("sixteen-bits", "real", "lgdt [word 0xc060]", -0x3fa0),
  table_access("sixteen-bits-positive", "real", "lgdt [word 0x4060]", 0x4060),
  table_access("thirty-two-bits", "protected", "lgdt [dword 0x8060]", 0x8060),
  -- Code that is changed and decoded again and again comes before, so that what a decoder has left over is seen. The processors that only wait give it a
  -- boot of its own, where no other scenario sees that. One of several instructions in a row meets something that has a displacement.
  scenario {
    name = "register-operand", vcpus = 3, controls = { secondary = { "descriptor_table_exiting" } },
    guest = asm [[
             mov edi, 25000
      again: mov [changed + 1], edi
      %rep 26
             lea ecx, [rbx + 0x12345678]
      %endrep
      changed: mov edx, 0
             dec edi
             jnz again
      first:  sldt eax
      second: sldt ecx
      third:  sldt edx
      fourth: sldt ebx
      fifth:  sldt esi
      sixth:  sldt edi
    ]],
    steps = {
      expect "LDTR_TR" { rip = "first", qualification = 0 },
      expect "LDTR_TR" { rip = "second", qualification = 0 },
      expect "LDTR_TR" { rip = "third", qualification = 0 },
      expect "LDTR_TR" { rip = "fourth", qualification = 0 },
      expect "LDTR_TR" { rip = "fifth", qualification = 0 },
      expect "LDTR_TR" { rip = "sixth", qualification = 0 },
    },
  },
}
