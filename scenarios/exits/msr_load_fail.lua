-- The VM-entry MSR-load list: an entry that cannot be loaded fails the entry, with its number as qualification.
return scenario {
  name     = "msr-load-fail",
  msr_load = { { index = 0x174, value = 8 }, { index = 0xc0000100, value = 1 } },   -- FS.base is not to be loaded this way
  guest    = asm [[
      here: vmcall
  ]],
  steps = {
    expect_entry_failure { reason = "MSR_LOAD_FAIL", qualification = 2 },
    write.field("VM_ENTRY_MSR_LOAD_COUNT", 1),
    expect "VMCALL" { rip = "here" },
  },
}
