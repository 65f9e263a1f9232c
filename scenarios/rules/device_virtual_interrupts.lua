-- A guest under virtual-interrupt delivery that has the device set: the hypervisor moves the requests of its local APIC into the virtual-APIC page, the
-- processor delivers them, and the EOI-exit bitmap makes it tell of the end of level-triggered ones, for which the I/O APIC waits.
-- SDM 3C, "Virtual-Interrupt Delivery", "EOI Virtualization"; SDM 3A, "Handling Interrupts".
local delivery = { "virtualize_apic_accesses", "virtual_interrupt_delivery" }
local registers = { "virtualize_apic_accesses", "virtual_interrupt_delivery", "apic_register_virtualization" }
local primary = { "use_tpr_shadow", "unconditional_io_exiting" }

local head = [[
        %define APIC r15
        %define IOAPIC r14
        mov r15d, 0xfee00000
        mov r14d, 0xfec00000
        mov dword [APIC + 0xf0], 0x1ff          ; software enable
]]
local eoi = "mov dword [APIC + 0xb0], 0\n"
-- The serial port holds input 4 up while its transmitter is empty, until its interrupt identification is read.
local serial = [[
        mov dword [IOAPIC], 0x18                ; input 4
        mov dword [IOAPIC + 0x10], %s
        mov dx, 0x3fc
        mov al, 8                               ; OUT2
        out dx, al
        mov dx, 0x3f9
        mov al, 2                               ; transmitter empty
        out dx, al
]]
local function serial_steps(first)
  return {
    first,
    expect "EPT_VIOLATION" { guest_physical = 0xfec00000 },
    expect "EPT_VIOLATION" { guest_physical = 0xfec00010 },
    expect "IO_INSTRUCTION" { port = 0x3fc },
    expect "IO_INSTRUCTION" { port = 0x3f9 },
  }
end
local enabled_by_access = expect "APIC_ACCESS" { offset = 0xf0, access = "write" }
local enabled_by_page = expect "APIC_WRITE" { offset = 0xf0 }

return {
  scenario {
    name     = "level-of-the-serial-port-through-the-io-apic",
    controls = { primary = primary, secondary = registers },
    idt      = { [0x51] = "isr" },
    policy   = { devices = true },
    guest    = asm(head .. serial:format "0x8051" .. [[
            sti
            nop
    first:  vmcall                              ; both have come, and no third one
      isr:  inc ebx
            cmp ebx, 2
            jb end
            mov dx, 0x3fa
            in al, dx                           ; the level falls
            mov ecx, [APIC + 0x120]             ; in service: bit 11H
            mov esi, [APIC + 0x1a0]             ; level-triggered
      end: ]] .. eoi .. [[
     done:  iretq
    ]]),
    steps = {
      serial_steps(enabled_by_page),
      expect "EOI_INDUCED" { vector = 0x51, rip = "done", rbx = 1 },
      expect "IO_INSTRUCTION" { port = 0x3fa, rbx = 2 },
      expect "EOI_INDUCED" { vector = 0x51, rip = "done", rbx = 2, rcx = 0x20000, rsi = 0x20000 },
      expect "VMCALL" { rip = "first", rbx = 2 },
    },
  },
  scenario {
    name     = "edge-of-the-serial-port-ends-without-an-exit",
    controls = { primary = primary, secondary = registers },
    idt      = { [0x51] = "isr" },
    policy   = { devices = true },
    guest    = asm(head .. serial:format "0x51" .. [[
            sti
            nop
    first:  vmcall
      isr:  inc ebx
            mov esi, [APIC + 0x1a0]
    ]] .. eoi .. "iretq\n"),
    steps = { serial_steps(enabled_by_page), expect "VMCALL" { rip = "first", rbx = 1, rsi = 0 } },
  },
  scenario {
    name     = "registers-that-exit-show-what-the-processor-holds",
    controls = { primary = primary, secondary = delivery },
    idt      = { [0x51] = "isr" },
    policy   = { devices = true },
    guest    = asm(head .. serial:format "0x8051" .. [[
            mov eax, 6
            mov cr8, rax                        ; above it
            sti
            nop
            mov ecx, [APIC + 0x220]             ; requested
            xor eax, eax
            mov cr8, rax                        ; comes without an exit
            nop
            vmcall
      isr:  mov dx, 0x3fa
            in al, dx
            mov esi, [APIC + 0x120]             ; in service
            mov edi, [APIC + 0x220]             ; not requested any more
            mov ebp, [APIC + 0xa0]              ; processor priority
    ]] .. eoi .. "done: iretq\n"),
    steps = {
      serial_steps(enabled_by_access),
      expect "APIC_ACCESS" { offset = 0x220, access = "read" },
      expect "IO_INSTRUCTION" { port = 0x3fa, rcx = 0x20000 },
      expect "APIC_ACCESS" { offset = 0x120, access = "read" },
      expect "APIC_ACCESS" { offset = 0x220, access = "read" },
      expect "APIC_ACCESS" { offset = 0xa0, access = "read" },
      expect "EOI_INDUCED" { vector = 0x51, rip = "done", rsi = 0x20000, rdi = 0, rbp = 0x50 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name     = "timer-of-the-local-apic",
    controls = { primary = primary, secondary = registers },
    idt      = { [0x40] = "tick" },
    policy   = { devices = true },
    guest    = asm(head .. [[
            mov dword [APIC + 0x3e0], 0xb       ; divide by 1
            mov dword [APIC + 0x320], 0x20040   ; periodic
            mov dword [APIC + 0x380], 100000
            mov ecx, [APIC + 0x320]
            sti
      spin: cmp ebx, 3
            jb spin
            vmcall
      tick: inc ebx
    ]] .. eoi .. "iretq\n"),
    steps = {
      enabled_by_page,
      expect "APIC_WRITE" { offset = 0x3e0 },
      expect "APIC_WRITE" { offset = 0x320 },
      expect "APIC_WRITE" { offset = 0x380 },
      expect "PREEMPTION_TIMER" { rbx = 0, rcx = 0x20040 },
      expect "PREEMPTION_TIMER" { rbx = 1 },
      expect "PREEMPTION_TIMER" { rbx = 2 },
      expect "VMCALL" { rbx = 3 },
    },
  },
  -- The 8259's interrupt has no priority and no place in VIRR: it is injected, with a window first, in which no virtual interrupt comes.
  scenario {
    name     = "interrupt-of-the-8259-is-injected",
    controls = { primary = { "use_tpr_shadow", "unconditional_io_exiting" }, secondary = registers },
    idt      = { [0x24] = "isr", [0x61] = "virtual" },
    policy   = { devices = true },
    guest    = asm(head .. [[
            mov dword [APIC + 0x300], 0x40061   ; to itself: no exit
            mov al, 0x11
            out 0x20, al
            mov al, 0x20                        ; interrupts 0 to 7: vectors 20H to 27H
            out 0x21, al
            mov al, 4
            out 0x21, al
            mov al, 1
            out 0x21, al
            mov al, 0xef                        ; 4 alone
            out 0x21, al
            mov dx, 0x3fc
            mov al, 8
            out dx, al
            mov dx, 0x3f9
            mov al, 2
            out dx, al
            sti
     opens: nop
     next:  vmcall
      isr:  mov rdi, [rsp]
            mov ecx, ebx                        ; the virtual one has not come yet
            mov dx, 0x3fa
            in al, dx
            mov al, 0x20
            out 0x20, al
            iretq
  virtual:  inc ebx
            mov rsi, [rsp]
    ]] .. eoi .. "iretq\n"),
    steps = {
      enabled_by_page,
      expect "IO_INSTRUCTION" { port = 0x20 },
      expect "IO_INSTRUCTION" { port = 0x21 },
      expect "IO_INSTRUCTION" { port = 0x21 },
      expect "IO_INSTRUCTION" { port = 0x21 },
      expect "IO_INSTRUCTION" { port = 0x21 },
      expect "IO_INSTRUCTION" { port = 0x3fc },
      expect "IO_INSTRUCTION" { port = 0x3f9 },
      expect "INTERRUPT_WINDOW" { rip = "next", rbx = 0 },
      expect "IO_INSTRUCTION" { port = 0x3fa, rcx = 0, rbx = 0, rdi = "next" },
      expect "IO_INSTRUCTION" { port = 0x20 },
      expect "VMCALL" { rbx = 1, rsi = "next" },
    },
  },
  -- LINT0 as a level-triggered input of its own: the end of its interrupt clears remote IRR, and the level requests again.
  scenario {
    name     = "level-at-lint0",
    controls = { primary = primary, secondary = registers },
    idt      = { [0x61] = "isr" },
    policy   = { devices = true },
    guest    = asm(head .. [[
            mov al, 0xef
            out 0x21, al                        ; 8259: 4 alone
            mov dword [APIC + 0x350], 0x8061    ; fixed, level
            mov dx, 0x3fc
            mov al, 8
            out dx, al
            mov dx, 0x3f9
            mov al, 2
            out dx, al
            sti
            nop
            mov esi, [APIC + 0x350]
            vmcall
      isr:  inc ebx
            mov edi, [APIC + 0x350]             ; remote IRR
            cmp ebx, 2
            jb  end
            mov al, 0xff
            out 0x21, al                        ; the 8259 takes its output back
      end: ]] .. eoi .. "done: iretq\n"),
    steps = {
      enabled_by_page,
      expect "IO_INSTRUCTION" { port = 0x21 },
      expect "APIC_WRITE" { offset = 0x350 },
      expect "IO_INSTRUCTION" { port = 0x3fc },
      expect "IO_INSTRUCTION" { port = 0x3f9 },
      expect "EOI_INDUCED" { vector = 0x61, rip = "done", rbx = 1, rdi = 0xc061 },
      expect "IO_INSTRUCTION" { port = 0x21, rbx = 2 },
      expect "EOI_INDUCED" { vector = 0x61, rip = "done", rbx = 2, rdi = 0xc061 },
      expect "VMCALL" { rbx = 2, rsi = 0x8061 },
    },
  },
  -- The same vector as edge: its end exits no more.
  scenario {
    name     = "vector-that-becomes-edge-triggered-leaves-the-bitmap",
    controls = { primary = primary, secondary = registers },
    idt      = { [0x51] = "isr" },
    policy   = { devices = true },
    vmcs     = { EOI_EXIT_BITMAP1 = 1 << (0x71 - 64) },
    guest    = asm(head .. serial:format "0x8051" .. [[
            sti
            nop
            mov dword [APIC + 0x300], 0x51      ; a message to itself, without the shorthand: exits
            nop
            vmcall
      isr:  inc ebx
            mov dx, 0x3fa
            in al, dx
    ]] .. eoi .. "done: iretq\n"),
    steps = {
      serial_steps(enabled_by_page),
      expect "IO_INSTRUCTION" { port = 0x3fa },
      expect "EOI_INDUCED" { vector = 0x51, rip = "done" },
      expect "APIC_WRITE" { offset = 0x300, rbx = 1 },
      expect "IO_INSTRUCTION" { port = 0x3fa },
      expect "VMCALL" { rbx = 2 },
    },
  },
  scenario {
    name      = "x2apic-registers-stand-in-the-page",
    controls  = { primary = { "use_tpr_shadow", "use_msr_bitmaps", "unconditional_io_exiting" },
                  secondary = { "virtualize_x2apic_mode", "virtual_interrupt_delivery", "apic_register_virtualization" } },
    msr_bitmap = { read = { 0x1b }, write = { 0x1b, 0x80f, 0x830, 0x835 } },
    idt       = { [0x51] = "isr", [0x61] = "self" },
    policy    = { devices = true },
    guest     = asm [[
            %macro write 2                      ; of the registers that exit
            mov ecx, %1
            mov eax, %2
            xor edx, edx
            wrmsr
            %endmacro
            mov ecx, 0x1b
            rdmsr
            or eax, 0x400                       ; EXTD
            wrmsr
            write 0x80f, 0x1ff
            mov ecx, 0x80d
            rdmsr                               ; logical id: cluster 0, bit 0
            mov esi, eax
            mov r14d, 0xfec00000
            mov dword [r14], 0x18
            mov dword [r14 + 0x10], 0x8051
            mov dx, 0x3fc
            mov al, 8
            out dx, al
            mov dx, 0x3f9
            mov al, 2
            out dx, al
            sti
            nop
            write 0x83f, 0x61                   ; self-IPI: no exit
            nop
            vmcall
      isr:  inc ebx
            mov dx, 0x3fa
            in al, dx
            mov ecx, 0x812
            rdmsr                               ; in service
            mov edi, eax
            write 0x80b, 0
      done: iretq
      self: inc ebp
            write 0x80b, 0
            iretq
    ]],
    steps = {
      expect "MSR_READ" { msr = 0x1b },
      expect "MSR_WRITE" { msr = 0x1b },
      expect "MSR_WRITE" { msr = 0x80f },
      expect "EPT_VIOLATION" { guest_physical = 0xfec00000, rsi = 1 },
      expect "EPT_VIOLATION" { guest_physical = 0xfec00010 },
      expect "IO_INSTRUCTION" { port = 0x3fc },
      expect "IO_INSTRUCTION" { port = 0x3f9 },
      expect "IO_INSTRUCTION" { port = 0x3fa },
      expect "EOI_INDUCED" { vector = 0x51, rip = "done", rdi = 0x20000 },
      expect "VMCALL" { rbx = 1, rbp = 1 },
    },
  },
  -- A message for a virtual CPU that runs takes it out once; a level that the other one clears comes again there.
  scenario {
    name     = "messages-to-another-virtual-cpu",
    vcpus    = 2,
    controls = { primary = primary, secondary = registers },
    start    = { [1] = "second" },
    idt      = { [0x51] = "isr" },
    policy   = { devices = true },
    guest    = asm(head .. [[
            mov dword [APIC + 0x310], 0x01000000
            mov dword [APIC + 0x300], 0x51      ; fixed, to vCPU 1
   await:  cmp byte [rel seen], 1
            jne await
            vmcall
   second:  mov r15d, 0xfee00000
            mov dword [APIC + 0xf0], 0x1ff
            mov esi, [APIC + 0x20]              ; identification
            sti
     idle:  cmp byte [rel seen], 1
            jne idle
            vmcall
      isr:  mov byte [rel seen], 1
    ]] .. eoi .. "iretq\nseen: db 0\n"),
    steps = {
      enabled_by_page,
      expect "APIC_WRITE" { offset = 0x300 },
      expect "VMCALL" { vcpu = 0 },
      expect "APIC_WRITE" { vcpu = 1, offset = 0xf0 },
      expect "EXTERNAL_INTERRUPT" { vcpu = 1 },
      expect "VMCALL" { vcpu = 1, rsi = 0x01000000 },
    },
  },
  -- HLT that exits: what the processor would deliver wakes; what its priority holds back does not.
  scenario {
    name     = "hlt-wakes-by-what-stands-in-virr",
    controls = { primary = { "use_tpr_shadow", "hlt_exiting" }, secondary = registers },
    idt      = { [0x51] = "isr" },
    policy   = { devices = true },
    guest    = asm(head .. [[
            mov dword [APIC + 0x300], 0x40051   ; to itself: no exit
            sti
            hlt
            mov eax, 5
            mov cr8, rax
            mov dword [APIC + 0x300], 0x40051
    last:   hlt
      isr:  inc ebx
    ]] .. eoi .. "iretq\n"),
    steps = { enabled_by_page, expect "HLT" { rbx = 0 }, expect "HLT" { rip = "last", rbx = 1 } },
    rest  = "any",
    final = { rbx = 1, stop = "halted" },
  },
  -- Without virtual-interrupt delivery interrupts are injected, and the page shows the local APIC all the same.
  scenario {
    name     = "register-virtualization-alone",
    controls = { primary = primary, secondary = { "virtualize_apic_accesses", "apic_register_virtualization" } },
    idt      = { [0x51] = "isr" },
    policy   = { devices = true },
    guest    = asm(head .. serial:format "0x8051" .. [[
            mov edi, [APIC + 0x220]             ; requested, interrupts are off
            sti
            nop
            vmcall
      isr:  mov dx, 0x3fa
            in al, dx
            mov esi, [APIC + 0x120]             ; in service
    ]] .. eoi .. "done: iretq\n"),
    steps = {
      serial_steps(enabled_by_page),
      expect "INTERRUPT_WINDOW" { rdi = 0x20000 },
      expect "IO_INSTRUCTION" { port = 0x3fa },
      expect "APIC_WRITE" { offset = 0xb0, rip = "done", rsi = 0x20000 },
      expect "VMCALL" {},
    },
  },
}
