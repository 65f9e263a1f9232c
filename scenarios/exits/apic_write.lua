-- APIC-write emulation that the processor leaves to the hypervisor: the exit comes behind the instruction, the value stands in the page.
local page = 0x9000

return {
  scenario {
    name     = "apic-write-of-a-virtualized-register",
    controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses", "apic_register_virtualization" } },
    vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page) },
    guest    = asm [[
            mov ebx, 0xfee00000
            mov dword [rbx + 0xf0], 0x1ff
      svr:  mov byte [rbx + 0x321], 0x12
      lvt:  vmcall
    ]],
    steps = {
      expect "APIC_WRITE" { rip = "svr", offset = 0xf0 },
      expect "APIC_WRITE" { rip = "lvt", offset = 0x321 },
      expect "VMCALL" {},
    },
    final = { memory = { [page + 0xf0] = "\xff\x01\x00\x00", [page + 0x320] = "\x00\x12\x00\x00" } },
  },
  -- The interrupt command register: only a fixed, edge-triggered interrupt to itself needs no hypervisor.
  scenario {
    name     = "apic-write-of-the-interrupt-command",
    controls = {
      primary   = { "use_tpr_shadow" },
      secondary = { "virtualize_apic_accesses", "apic_register_virtualization", "virtual_interrupt_delivery" },
    },
    guest    = asm [[
            mov ebx, 0xfee00000
            mov dword [rbx + 0x310], 0
            mov dword [rbx + 0x300], 0x40051    ; itself, vector 51H
            mov dword [rbx + 0x300], 0x00051    ; to a destination
      icr:  vmcall
    ]],
    steps = {
      expect "APIC_WRITE" { rip = "icr", offset = 0x300 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name     = "apic-write-of-the-self-ipi-msr",
    controls = {
      primary   = { "use_tpr_shadow", "use_msr_bitmaps" },
      secondary = { "virtualize_x2apic_mode", "apic_register_virtualization", "virtual_interrupt_delivery" },
    },
    guest    = asm [[
            mov ecx, 0x83f
            xor edx, edx
            mov eax, 0x0f                       ; vectors below 16 are illegal
            wrmsr
      after: vmcall
    ]],
    steps = {
      expect "APIC_WRITE" { rip = "after", offset = 0x3f0 },
      expect "VMCALL" {},
    },
  },
}
