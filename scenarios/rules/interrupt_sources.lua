-- Devices of the host that interrupt by themselves: instants, whose exit it is, and how the interrupt reaches the vCPU that it belongs to.

-- Counts what it gets at 9000H, and halts for more until it had three.
local counting = [[
        sti
  idle: hlt
        cmp byte [0x9000], 3
        jb idle
        vmcall
  done: jmp done
   irq: inc byte [0x9000]
        iretq
]]
-- vCPU 0 computes, vCPU 1 owns the device.
local two = "        mov ecx, 20000\n  spin: loop spin\n        vmcall\n   end: jmp end\n  owner:\n" .. counting
local device = { vector = 0x40, period = 5000, vcpu = 1, count = 3 }

return {
  -- Without jitter an interrupt comes at its tick, in the middle of a REP: behind the first VM entry (530 ticks) and two instructions.
  scenario {
    name    = "a-source-interrupts-rep-at-its-tick",
    sources = { { vector = 0x40, period = 3000, first = 2000, count = 2 } },
    guest   = asm [[
            mov edi, 0x9000
            mov ecx, 20000
      fill: rep stosb
            vmcall
    ]],
    steps   = {
      expect "EXTERNAL_INTERRUPT" { rip = "fill", rcx = 20000 - (2000 - 530 - 2) },
      expect "EXTERNAL_INTERRUPT" { rip = "fill", rcx = { value = 0, mask = 0 } },
      expect "VMCALL" { rcx = 0 },
    },
  },
  -- The interrupt goes to a processor where its owner runs: one exit, or none while that one is halted in the host.
  scenario {
    name     = "arrives-where-its-owner-runs",
    vcpus    = 2, start = { [1] = "owner" },
    controls = { primary = { hlt_exiting = true } },
    sources  = { device },
    affinity = { [0x40] = 1 },
    idt      = { [0x40] = "irq" },
    guest    = asm(two),
    steps    = {
      expect "HLT" { vcpu = 1 }, expect "HLT" { vcpu = 1 }, expect "HLT" { vcpu = 1 }, expect "VMCALL" { vcpu = 1 },
      expect "VMCALL" { vcpu = 0 },
    },
    final    = { memory = { [0x9000] = "\x03" } },
  },
  -- As firmware leaves it everything arrives at CPU 0: the vCPU that runs there has an exit for each interrupt of the other.
  scenario {
    name     = "arrives-where-another-vcpu-runs",
    vcpus    = 2, start = { [1] = "owner" },
    controls = { primary = { hlt_exiting = true } },
    sources  = { device },
    idt      = { [0x40] = "irq" },
    guest    = asm(two),
    steps    = {
      expect "EXTERNAL_INTERRUPT" { vcpu = 0, physical_cpu = 0 }, expect "EXTERNAL_INTERRUPT" { vcpu = 0 }, expect "EXTERNAL_INTERRUPT" { vcpu = 0 },
      expect "VMCALL" { vcpu = 0 },
      expect "HLT" { vcpu = 1 }, expect "HLT" { vcpu = 1 }, expect "HLT" { vcpu = 1 }, expect "VMCALL" { vcpu = 1 },
    },
    final    = { memory = { [0x9000] = "\x03" } },
  },
  -- A guest that halts without an exit is in VMX non-root operation: the kick costs it an exit of its own.
  scenario {
    name     = "a-kick-is-a-second-exit",
    vcpus    = 2, start = { [1] = "owner" },
    sources  = { device },
    idt      = { [0x40] = "irq" },
    guest    = asm(two),
    steps    = {
      expect "EXTERNAL_INTERRUPT" { vcpu = 0 }, expect "EXTERNAL_INTERRUPT" { vcpu = 0 }, expect "EXTERNAL_INTERRUPT" { vcpu = 0 },
      expect "VMCALL" { vcpu = 0 },
      expect "EXTERNAL_INTERRUPT" { vcpu = 1, activity = "hlt" }, expect "EXTERNAL_INTERRUPT" { vcpu = 1, activity = "hlt" },
      expect "EXTERNAL_INTERRUPT" { vcpu = 1, activity = "hlt" }, expect "VMCALL" { vcpu = 1 },
    },
    final    = { memory = { [0x9000] = "\x03" } },
  },
  -- With posted interrupts the notification is no exit: its processor takes the request from the descriptor.
  scenario {
    name     = "a-posted-interrupt-is-no-second-exit",
    vcpus    = 2, start = { [1] = "owner" },
    profile  = "skylake-sp",
    controls = {
      pin       = { "process_posted_interrupts" },
      primary   = { "use_tpr_shadow", "use_msr_bitmaps" },
      secondary = { "virtualize_x2apic_mode", "apic_register_virtualization", "virtual_interrupt_delivery" },
      exit      = { "acknowledge_interrupt_on_exit" },
    },
    vmcs     = { POSTED_INTR_NV = 0xf1 },
    sources  = { device },
    idt      = { [0x40] = "irq" },
    guest    = asm((two:gsub("iretq", "mov ecx, 0x80b\n xor eax, eax\n xor edx, edx\n wrmsr\n iretq"))), -- end of interrupt, without an exit
    steps    = {
      expect "EXTERNAL_INTERRUPT" { vcpu = 0, vector = 0x40 }, expect "EXTERNAL_INTERRUPT" { vcpu = 0, vector = 0x40 },
      expect "EXTERNAL_INTERRUPT" { vcpu = 0, vector = 0x40 }, expect "VMCALL" { vcpu = 0 },
      expect "VMCALL" { vcpu = 1 },
    },
    final    = { memory = { [0x9000] = "\x03" } },
  },
  -- Without external-interrupt exiting the host has no part in it: whoever runs there takes the interrupt through the guest's IDT.
  scenario {
    name     = "a-guest-that-takes-interrupts-itself",
    controls = { pin = { external_interrupt_exiting = false } },
    sources  = { { vector = 0x40, period = 5000, jitter = 2500, seed = 3, count = 3 } },
    idt      = { [0x40] = "irq" },
    guest    = asm(counting),
    steps    = { expect "VMCALL" {} },
    final    = { memory = { [0x9000] = "\x03" }, exits = 1 },
  },
  -- Two that come while the first one waits are one request.
  scenario {
    name    = "requests-of-one-vector-fall-together",
    sources = { { vector = 0x40, period = 100, count = 5 } },
    controls = { pin = { external_interrupt_exiting = false } },
    idt     = { [0x40] = "irq" },
    guest   = asm [[
            mov ecx, 2000
      spin: loop spin
            sti
            nop
            nop
            vmcall
       irq: inc byte [0x9000]
            iretq
    ]],
    steps   = { expect "VMCALL" {} },
    final   = { memory = { [0x9000] = "\x01" } },
  },
  -- A source without an end does not keep a halted guest going for ever: arrivals count towards the limit.
  scenario {
    name    = "an-endless-source-meets-the-limit",
    sources = { { vector = 0x40, period = 100 } },
    limit   = 2000,
    controls = { pin = { external_interrupt_exiting = false } },
    guest   = asm [[
            cli
      deaf: hlt
            jmp deaf
    ]],
    rest    = "any",
    final   = { stop = "limit" },
  },
}
