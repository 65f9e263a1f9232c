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

-- Page faults: "error code under the mask equals the match" is to be what bit 14 of the bitmap says, for each value of a bit in all three.
local P, W = 1, 2
for _, access in ipairs {
  { name = "read-of-nothing", code = "mov eax, [0x400000]", present = false, error = 0 },
  { name = "write-of-nothing", code = "mov [0x400000], eax", present = false, error = W },
  { name = "write-of-read-only", code = "mov [0x400000], eax", present = true, error = P + W },
} do
  for mask = 0, 3 do
    for match = 0, 3 do
      for bit = 0, 1 do
        local exits = ((access.error & mask) == match) == (bit == 1)
        scenarios[#scenarios + 1] = scenario {
          name             = string.format("page-fault-%s-mask-%d-match-%d-bit-%d", access.name, mask, match, bit),
          exception_bitmap = bit == 1 and { "#PF" } or {},
          vmcs             = { PAGE_FAULT_ERROR_CODE_MASK = mask, PAGE_FAULT_ERROR_CODE_MATCH = match },
          pages            = { { linear = 0x400000, guest = 0x9000, present = access.present, write = false } },
          idt              = { [14] = "handler" },
          guest            = asm("here: " .. access.code .. "\nhandler: vmcall"),
          steps            = {
            exits and expect "EXCEPTION_NMI" { vector = "#PF", error_code = access.error, qualification = 0x400000, rip = "here" }
                   or expect "VMCALL" { rip = "handler" },
          },
        }
      end
    end
  end
end
return scenarios
