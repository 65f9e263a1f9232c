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
}
