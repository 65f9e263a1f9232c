-- The TPR threshold: who lowers the TPR below it exits behind the instruction; VM entry below it exits at once, or fails.
local scenarios = {}
local ways = {
  { "cr8", { "use_tpr_shadow" }, {}, "mov eax, %d\nmov cr8, rax" },
  { "page", { "use_tpr_shadow" }, { "virtualize_apic_accesses" }, "mov ebx, 0xfee00000\nmov dword [rbx + 0x80], %d << 4" },
  { "msr", { "use_tpr_shadow", "use_msr_bitmaps" }, { "virtualize_x2apic_mode" }, "mov ecx, 0x808\nxor edx, edx\nmov eax, %d << 4\nwrmsr" },
}
for _, way in ipairs(ways) do
  for tpr = 3, 5 do
    scenarios[#scenarios + 1] = scenario {
      name     = string.format("threshold-4-tpr-%d-by-%s", tpr, way[1]),
      controls = { primary = way[2], secondary = way[3] },
      vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(0x9000), TPR_THRESHOLD = 4 },
      memory   = { [0x9080] = "\xf0" },
      guest    = asm(string.format(way[4], tpr) .. "\nafter: vmcall"),
      steps    = { tpr < 4 and expect "TPR_BELOW_THRESHOLD" { rip = "after", interruptibility = 0 } or {}, expect "VMCALL" { rip = "after" } },
    }
  end
end

-- VM entry: with "virtualize APIC accesses" it succeeds and exits before the first instruction; without, the field is refused.
scenarios[#scenarios + 1] = scenario {
  name     = "entry-below-the-threshold",
  controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses" } },
  vmcs     = { TPR_THRESHOLD = 1, GUEST_INTERRUPTIBILITY_INFO = 2 },
  guest    = asm "here: vmcall",
  steps    = { expect "TPR_BELOW_THRESHOLD" { rip = "here", interruptibility = 2 }, expect "VMCALL" {} },
}
scenarios[#scenarios + 1] = scenario {
  name     = "entry-below-the-threshold-of-a-halted-guest",
  controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses" } },
  vmcs     = { TPR_THRESHOLD = 1, GUEST_ACTIVITY_STATE = 1 },
  guest    = asm "vmcall",
  steps    = { expect "TPR_BELOW_THRESHOLD" { activity = "hlt" } },
}
scenarios[#scenarios + 1] = scenario {
  name     = "entry-is-refused-below-the-threshold",
  controls = { primary = { "use_tpr_shadow" } },
  vmcs     = { TPR_THRESHOLD = 1 },
  guest    = asm "vmcall",
  steps    = { expect_entry_failure { error = 7 } },
}

-- Without the shadow CR8 is the processor's own; bits above 3 give #GP(0).
scenarios[#scenarios + 1] = scenario {
  name     = "reserved-bits-of-cr8",
  controls = { primary = { "use_tpr_shadow" } },
  exception_bitmap = { "#GP" },
  policy   = { exceptions = "stop" },
  guest    = asm [[
          mov eax, 0x10
    bad:  mov cr8, rax
  ]],
  steps = { expect "EXCEPTION_NMI" { vector = "#GP", rip = "bad" } },
}
return scenarios
