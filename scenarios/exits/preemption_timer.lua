-- The VMX-preemption timer with value 0 expires before the first instruction, and blocking of interrupts does not keep it back.
local function expires(name, interruptibility)
  return scenario {
    name     = name,
    controls = { pin = { "activate_vmx_preemption_timer" } },
    vmcs     = { VMX_PREEMPTION_TIMER_VALUE = 0, GUEST_INTERRUPTIBILITY_INFO = interruptibility, GUEST_RFLAGS = 0x202 },
    guest    = asm [[
        here: vmcall
    ]],
    steps = { expect "PREEMPTION_TIMER" { rip = "here", qualification = 0, interruptibility = interruptibility } },
  }
end
return { expires("preemption-timer", 0), expires("preemption-timer-under-sti", 1), expires("preemption-timer-under-mov-ss", 2) }
