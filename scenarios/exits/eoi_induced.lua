-- EOI virtualization: the EOI-exit bitmap says for which vectors the hypervisor hears of the end of interrupt.
local secondary = { "virtualize_apic_accesses", "apic_register_virtualization", "virtual_interrupt_delivery" }
local bitmap = { EOI_EXIT_BITMAP1 = 1 << (0x51 - 64) }

return {
  scenario {
    name     = "eoi-induced-by-a-memory-write",
    controls = { primary = { "use_tpr_shadow" }, secondary = secondary },
    vmcs     = bitmap,
    idt      = { [0x51] = "exits", [0x61] = "stays" },
    guest    = asm [[
            mov ebx, 0xfee00000
            sti
            nop
      loop: vmcall
            jmp loop
     stays: mov dword [rbx + 0xb0], 0       ; vector 61H first: its class is higher
            or ecx, 1
            iretq
     exits: or ecx, 2
            mov dword [rbx + 0xb0], 0
      done: iretq
    ]],
    steps = {
      expect "VMCALL" { rcx = 0 },
      queue.interrupt(0x51),
      queue.interrupt(0x61),
      expect "EOI_INDUCED" { qualification = 0x51, rip = "done", rcx = 3 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name     = "eoi-induced-by-the-msr",
    controls = { primary = { "use_tpr_shadow", "use_msr_bitmaps" }, secondary = { "virtualize_x2apic_mode", "virtual_interrupt_delivery" } },
    vmcs     = bitmap,
    idt      = { [0x51] = "isr" },
    guest    = asm [[
            mov ecx, 0x83f                  ; self-IPI
            mov eax, 0x51
            xor edx, edx
            wrmsr
            sti
            nop
            hlt
       isr: mov ecx, 0x80b
            xor eax, eax
            wrmsr
      done: vmcall
    ]],
    steps = {
      expect "EOI_INDUCED" { qualification = 0x51, rip = "done" },
      expect "VMCALL" {},
    },
  },
}
