-- A machine check during VM entry.
return scenario {
  name  = "machine-check-at-entry",
  guest = asm [[
      here: vmcall
  ]],
  steps = {
    inject.mce_at_entry(),
    expect_entry_failure { reason = "MCE_DURING_VMENTRY" },
    expect "VMCALL" {},
  },
}
