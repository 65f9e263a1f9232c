-- The VMX-preemption timer with value 0 expires before the first instruction.
return scenario {
  name     = "preemption-timer",
  controls = { pin = { "activate_vmx_preemption_timer" } },
  vmcs     = { VMX_PREEMPTION_TIMER_VALUE = 0 },
  guest    = asm [[
      here: vmcall
  ]],
  steps = { expect "PREEMPTION_TIMER" { rip = "here", qualification = 0 } },
}
