-- A VM entry with guest state that VM entry refuses: exit reason 33 with bit 31, before any guest instruction; repaired, the guest runs.
return scenario {
  name  = "invalid-guest-state",
  vmcs  = { GUEST_RFLAGS = 0 },            -- bit 1 is always 1
  guest = asm [[
      here: vmcall
  ]],
  steps = {
    expect_entry_failure { reason = "INVALID_STATE", qualification = 0 },
    write.field("GUEST_RFLAGS", 2),
    expect "VMCALL" { rip = "here" },
  },
}
