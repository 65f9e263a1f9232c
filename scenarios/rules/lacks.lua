-- A processor without a feature: a VM entry that uses it fails, and the entry that does without it runs.
local function entry(name, lacks, controls, steps)
  return scenario {
    name     = name,
    lacks    = { lacks },
    controls = controls,
    guest    = asm [[ vmcall ]],
    steps    = steps,
  }
end
local ran, refused = { expect "VMCALL" {} }, { expect_entry_failure { error = 7 } }
return {
  entry("monitor-trap-flag-taken-away", "primary.monitor_trap_flag", { primary = { "monitor_trap_flag" } }, refused),
  entry("without-monitor-trap-flag", "primary.monitor_trap_flag", {}, ran),
  entry("pml-taken-away", "secondary.enable_pml", { secondary = { "enable_pml" } }, refused),
  entry("without-ept-1-gbyte-pages", "ept_vpid_cap.ept_pages_1_gbyte", {}, ran),
}
