-- The VMX-preemption timer with value 0 expires before the first instruction, and blocking of interrupts does not keep it back. The handlers switch off one
-- that would expire for ever; to any other they give its first value again.
local function expires(name, interruptibility)
  return scenario {
    name     = name,
    controls = { pin = { "activate_vmx_preemption_timer" } },
    vmcs     = { VMX_PREEMPTION_TIMER_VALUE = 0, GUEST_INTERRUPTIBILITY_INFO = interruptibility, GUEST_RFLAGS = 0x202 },
    guest    = asm [[
        here: vmcall
    ]],
    steps = { expect "PREEMPTION_TIMER" { rip = "here", qualification = 0, interruptibility = interruptibility }, expect "VMCALL" { rip = "here" } },
  }
end
return {
  expires("preemption-timer", 0),
  expires("preemption-timer-under-sti", 1),
  expires("preemption-timer-under-mov-ss", 2),
  scenario {
    name     = "preemption-timer-starts-again",
    controls = { pin = { "activate_vmx_preemption_timer" }, exit = { "save_vmx_preemption_timer_value" } },
    vmcs     = { VMX_PREEMPTION_TIMER_VALUE = 100 },
    guest    = asm [[
      spin: jmp spin
    ]],
    steps = { expect "PREEMPTION_TIMER" { rip = "spin" }, expect "PREEMPTION_TIMER" { rip = "spin" } },
  },
  -- It does not end the wait-for-SIPI state, where nothing but a SIPI counts.
  scenario {
    name     = "preemption-timer-and-wait-for-sipi",
    controls = { pin = { "activate_vmx_preemption_timer" }, secondary = { "unrestricted_guest" } },
    vmcs     = { VMX_PREEMPTION_TIMER_VALUE = 5, GUEST_ACTIVITY_STATE = 3 },
    guest    = asm [[
        vmcall
    ]],
    steps = { after(1000, inject.sipi(0x9a)), expect "SIPI_SIGNAL" { vector = 0x9a, activity = "wait_for_sipi" } },
  },
}
