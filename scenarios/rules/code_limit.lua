-- An instruction that does not lie within the limit of CS faults before it is decoded, whatever it would do: SDM 3A, "Limit Checking".
local list = {}
local CODE = 0x8000
for name, code in pairs {
  vmcall = { "vmcall", 3, "VMCALL" }, cpuid = { "cpuid", 2, "CPUID" }, input = { "in al, 0x80", 2, "IO_INSTRUCTION" }, prefixed = { "a16 invlpg [0]", 6, "INVLPG" },
  ordinary = { "add eax, 0x12345678", 5 }, undefined = { "ud2", 2, "EXCEPTION_NMI" }, nop = { "nop", 1 },
} do
  local length, reason = code[2], code[3]
  for bytes = 0, length do -- of the instruction that the segment has
    list[#list + 1] = scenario {
      name = ("%s-%d-of-%d"):format(name, bytes, length), mode = "protected", controls = { primary = { "invlpg_exiting", "unconditional_io_exiting" } },
      vmcs = { GUEST_CS_LIMIT = CODE + bytes - 1, GUEST_CS_AR_BYTES = 0x409b }, exception_bitmap = { "#GP", "#UD" },
      guest = { asm("here: " .. code[1], { address = CODE }) },
      steps = {
        bytes == length and reason and expect(reason) { rip = "here", vector = reason == "EXCEPTION_NMI" and "#UD" or nil }
          or expect "EXCEPTION_NMI" { vector = "#GP", error_code = 0, rip = CODE + (bytes == length and bytes or 0) },
      },
    }
  end
end
table.sort(list, function(a, b) return a.name < b.name end)
return list
