-- Interrupts of the device set reach a guest that runs without VM exits: the VMX-preemption timer takes it back when a device is due, and the next VM
-- entry injects. SDM 3C, "VMX-Preemption Timer"; SDM 3A, "Advanced Programmable Interrupt Controller (APIC)".
local head = [[
        %define APIC r15
        %define IOAPIC r14
        mov r15d, 0xfee00000
        mov r14d, 0xfec00000
        mov dword [APIC + 0xf0], 0x1ff          ; software enable
]]

-- The guest spins until its handler has counted in EBX.
local function guest(before, handler)
  return asm(head .. before .. [[
        sti
  spin: cmp ebx, 3
        jb spin
        vmcall
  tick: inc ebx
]] .. handler .. [[
        iretq
  ]])
end

local eoi = "mov dword [APIC + 0xb0], 0\n"

-- A periodic timer whose vector no local APIC takes wakes nobody, however often it is due. The limit ends that wait, in the host and in the guest.
local function sleeper(name, hlt_exiting, stop)
  return scenario {
    name     = name,
    controls = { primary = { hlt_exiting = hlt_exiting } },
    policy   = { devices = true },
    guest    = asm(head .. [[
            mov dword [APIC + 0x320], 0x20000
            mov dword [APIC + 0x380], 1000
            sti
            hlt
            vmcall
    ]]),
    steps    = { expect "EPT_VIOLATION" {}, expect "EPT_VIOLATION" {}, expect "EPT_VIOLATION" {} },
    rest     = "any",
    limit    = 3000,
    final    = { stop = stop },
  }
end

return {
  sleeper("a-timer-without-a-vector-wakes-nobody-in-the-host", true, "halted"),
  sleeper("a-timer-without-a-vector-wakes-nobody-in-the-guest", false, "limit"),
  scenario {
    name   = "periodic-apic-timer",
    idt    = { [0x40] = "tick" },
    policy = { devices = true },
    guest  = guest([[
        mov dword [APIC + 0x3e0], 0xb       ; divide by 1
        mov dword [APIC + 0x320], 0x20040   ; periodic
        mov dword [APIC + 0x380], 100000
    ]], eoi),
    steps = {
      expect "EPT_VIOLATION" { guest_physical = 0xfee000f0 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee003e0 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee00320 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee00380 },
      expect "PREEMPTION_TIMER" { rbx = 0 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000b0, rbx = 1 },
      expect "PREEMPTION_TIMER" { rbx = 1 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000b0, rbx = 2 },
      expect "PREEMPTION_TIMER" { rbx = 2 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000b0, rbx = 3 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name   = "tsc-deadline-in-x2apic-mode",
    idt    = { [0x41] = "tick" },
    policy = { devices = true },
    guest  = asm [[
            mov ecx, 0x1b
            rdmsr
            or eax, 0x400                       ; EXTD
            wrmsr
            mov ecx, 0x80f
            mov eax, 0x1ff
            xor edx, edx
            wrmsr
            mov ecx, 0x832
            mov eax, 0x40041                    ; TSC-deadline mode
            wrmsr
            rdtsc
            add eax, 200000
            adc edx, 0
            mov ecx, 0x6e0
            wrmsr
            sti
      spin: test ebx, ebx
            jz spin
            mov ecx, 0x6e0
            rdmsr                               ; 0: disarmed
            vmcall
      tick: inc ebx
            mov ecx, 0x80b
            xor eax, eax
            xor edx, edx
            wrmsr
            iretq
    ]],
    steps = {
      expect "MSR_READ" { msr = 0x1b },
      expect "MSR_WRITE" { msr = 0x1b, rax = 0xfee00d00 },
      expect "MSR_WRITE" { msr = 0x80f },
      expect "MSR_WRITE" { msr = 0x832 },
      expect "MSR_WRITE" { msr = 0x6e0 },
      expect "PREEMPTION_TIMER" {},
      expect "MSR_WRITE" { msr = 0x80b },
      expect "MSR_READ" { msr = 0x6e0 },
      expect "VMCALL" { rax = 0, rdx = 0 },
    },
  },
  scenario {
    name     = "timer-chip-through-the-io-apic",
    controls = { primary = { "unconditional_io_exiting" } },
    idt      = { [0x50] = "tick" },
    policy   = { devices = true },
    guest    = guest([[
        mov dword [IOAPIC], 0x14            ; input 2, where interrupt 0 stands
        mov dword [IOAPIC + 0x10], 0x50
        mov al, 0x34                            ; channel 0, rate generator
        out 0x43, al
        mov al, 0
        out 0x40, al
        mov al, 4
        out 0x40, al
    ]], eoi),
    steps = {
      expect "EPT_VIOLATION" { guest_physical = 0xfee000f0 },
      expect "EPT_VIOLATION" { guest_physical = 0xfec00000 },
      expect "EPT_VIOLATION" { guest_physical = 0xfec00010 },
      expect "IO_INSTRUCTION" { port = 0x43 },
      expect "IO_INSTRUCTION" { port = 0x40 },
      expect "IO_INSTRUCTION" { port = 0x40 },
      expect "PREEMPTION_TIMER" { rbx = 0 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000b0, rbx = 1 },
      expect "PREEMPTION_TIMER" { rbx = 1 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000b0, rbx = 2 },
      expect "PREEMPTION_TIMER" { rbx = 2 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000b0, rbx = 3 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name     = "task-priority-holds-a-device-interrupt-back",
    controls = { primary = { "cr8_load_exiting", "cr8_store_exiting" } },
    idt      = { [0x40] = "tick" },
    policy   = { devices = true },
    guest    = asm(head .. [[
            mov eax, 4
            mov cr8, rax
            mov dword [APIC + 0x300], 0x40040   ; to itself
            sti
            nop
            mov ecx, [APIC + 0xa0]              ; processor priority
            mov edx, [APIC + 0x220]             ; it is requested
            mov eax, 3
            mov cr8, rax
            nop
            cpuid
            mov rax, cr8
            vmcall
      tick: inc ebx
            mov esi, [APIC + 0x120]             ; in service
    ]] .. eoi .. "iretq\n"),
    steps = {
      expect "EPT_VIOLATION" {},
      expect "CR_ACCESS" { cr = 8 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee00300 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000a0, rbx = 0 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee00220, rcx = 0x40 },
      expect "CR_ACCESS" { cr = 8, rbx = 0, rdx = 1 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee00120, rbx = 1 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000b0, rsi = 1 },
      expect "CPUID" {},
      expect "CR_ACCESS" { cr = 8 },
      expect "VMCALL" { rax = 3 },
    },
  },
  scenario {
    name     = "tpr-threshold-for-a-device-interrupt",
    controls = { primary = { "use_tpr_shadow" } },
    idt      = { [0x40] = "tick" },
    policy   = { devices = true },
    guest    = asm(head .. [[
            mov eax, 4
            mov cr8, rax
            mov dword [APIC + 0x300], 0x40040
            sti
            nop
            mov eax, 3
            mov cr8, rax
            nop
            vmcall
      tick: inc ebx
    ]] .. eoi .. "iretq\n"),
    steps = {
      expect "EPT_VIOLATION" {},
      expect "EPT_VIOLATION" { guest_physical = 0xfee00300 },
      expect "TPR_BELOW_THRESHOLD" { rbx = 0 },
      expect "EPT_VIOLATION" { guest_physical = 0xfee000b0, rbx = 1 },
      expect "VMCALL" {},
    },
  },
  -- Task priority is one register: CR8 with a TPR shadow, and the MSRs that exit.
  scenario {
    name     = "task-priority-by-cr8-and-by-msr",
    controls = { primary = { "use_tpr_shadow" } },
    policy   = { devices = true },
    guest    = asm [[
            mov ecx, 0x1b
            rdmsr
            or eax, 0x400                       ; EXTD
            wrmsr
            mov eax, 5
            mov cr8, rax                        ; no exit
            mov ecx, 0x808
            rdmsr
            mov ebx, eax
            mov ecx, 0x80a                      ; processor priority
            rdmsr
            mov esi, eax
            mov ecx, 0x808
            mov eax, 0x30
            xor edx, edx
            wrmsr
            mov rdi, cr8
            vmcall
    ]],
    steps = {
      expect "MSR_READ" {},
      expect "MSR_WRITE" {},
      expect "MSR_READ" { msr = 0x808 },
      expect "MSR_READ" { msr = 0x80a, rbx = 0x50 },
      expect "MSR_WRITE" { msr = 0x808, rsi = 0x50 },
      expect "VMCALL" { rdi = 3 },
    },
  },
}
