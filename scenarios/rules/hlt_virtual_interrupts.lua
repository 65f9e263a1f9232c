-- HLT that exits under virtual-interrupt delivery: the processor would have delivered what stands in VIRR, so that it wakes the guest that the hypervisor
-- holds, unless the priority or the flag keeps it back. SDM 3C, "Evaluation of Pending Virtual Interrupts", "Virtual-Interrupt Delivery".
local page = 0x9000
local scenarios = {}
-- A self-IPI stands in VIRR without an exit; STI lets it in behind HLT, which exits first.
local function add(name, guest, t)
  scenarios[#scenarios + 1] = scenario {
    name     = name,
    controls = { primary = { "use_tpr_shadow", "use_msr_bitmaps", "hlt_exiting" }, secondary = { "virtual_interrupt_delivery", "virtualize_x2apic_mode" } },
    vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page) },
    idt      = { [0x51] = "isr", [0x61] = "high" },
    guest    = asm([[
            mov ecx, 0x83f
            mov eax, 0x51
            xor edx, edx
    ]] .. guest .. "\n" .. [[
      end:  vmcall
      isr:  inc ebx
            mov rsi, [rsp]
            mov ecx, 0x80b
            xor eax, eax
            wrmsr
            iretq
      high: inc ebp
            mov eax, 0x51
            wrmsr
            sti
     halts: hlt
            mov ecx, 0x80b
            xor eax, eax
            wrmsr
            iretq
    ]]),
    steps = t.steps,
    final = t.final,
    rest  = t.rest,
  }
end

add("request-in-virr-wakes", "wrmsr\nsti\nhlt", { steps = { expect "HLT" { rbx = 0 }, expect "VMCALL" { rip = "end", rbx = 1, rsi = "end" } } })
add("interrupts-off-keep-it-back", "wrmsr\nhlt", { steps = { expect "HLT" {} }, rest = "any", final = { stop = "halted", rbx = 0 } })
add("task-priority-keeps-it-back", "wrmsr\nmov eax, 5\nmov cr8, rax\nsti\nhlt", { steps = { expect "HLT" {} }, rest = "any", final = { stop = "halted", rbx = 0 } })
add("lower-class-of-task-priority-does-not", "wrmsr\nmov eax, 4\nmov cr8, rax\nsti\nhlt", { steps = { expect "HLT" {}, expect "VMCALL" { rbx = 1, rsi = "end" } } })
-- What is in service: its handler halts, and the lower request waits for its end.
add("service-of-a-higher-class-keeps-it-back", [[
            mov eax, 0x61
            wrmsr
            sti
            nop
            vmcall
]], { steps = { expect "HLT" { rip = "halts", rbp = 1, rbx = 0 } }, rest = "any", final = { stop = "halted", rbx = 0 } })
return scenarios
