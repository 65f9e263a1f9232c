-- Each exception that plain code can raise, with its bit set and clear.
local causes = {
  ["#DE"] = "xor eax, eax\nhere: div eax",
  ["#BP"] = "here: int3",
  ["#UD"] = "here: ud2",
  ["#GP"] = "mov rax, 0x8000000000000000\nhere: mov eax, [rax]",
  ["#NP"] = "mov eax, 0x38\nhere: mov ds, eax",
  ["#PF"] = "here: mov eax, [0x400000]",
}
local vectors = { ["#DE"] = 0, ["#BP"] = 3, ["#UD"] = 6, ["#NP"] = 11, ["#GP"] = 13, ["#PF"] = 14 }
local scenarios = {}
for name, code in pairs(causes) do
  for _, set in ipairs { true, false } do
    scenarios[#scenarios + 1] = scenario {
      name             = name:sub(2):lower() .. (set and "-exits" or "-is-the-guest's"),
      exception_bitmap = set and { name } or {},
      pages            = { { linear = 0x400000, present = false } },
      memory           = { [0x1038] = string.pack("<I8", 0x00cf13000000ffff) },   -- a data segment that is not present
      vmcs             = { GUEST_GDTR_LIMIT = 0x3f },
      idt              = { [vectors[name]] = "handler" },
      guest            = asm(code .. "\nhandler: vmcall"),
      steps            = { set and expect "EXCEPTION_NMI" { vector = name, rip = "here" } or expect "VMCALL" { rip = "handler" } },
    }
  end
end
return scenarios
