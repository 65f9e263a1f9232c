-- What one operation may do to the APIC-access page: read, then write; the same write again; nothing after that. Emulation follows the operation.
local controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses" } }
local page = 0x9000

return {
  scenario {
    name     = "read-modify-write",
    controls = controls,
    vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page) },
    memory   = { [page + 0x80] = "\x40\0\0\0" },
    guest    = asm [[
            mov ebx, 0xfee00000
            mov eax, 0x12345620
            or [rbx + 0x80], eax            ; bytes 3:1 of VTPR do not stay
            mov ecx, [rbx + 0x80]
            xchg [rbx + 0x80], eax
            lock add dword [rbx + 0x80], 0x10
            mov cr8, rbx                    ; #GP(0): only bits 3:0 may be set
            vmcall
     fault: mov rdx, cr8
            vmcall
    ]],
    idt   = { [13] = "fault" },
    steps = { expect "VMCALL" { rip = "fault+4", rcx = 0x60, rax = 0x60, rdx = 3 } },
    final = { memory = { [page + 0x80] = "\x30\0\0\0" } },
  },
  -- A far CALL pushes CS to VTPR first, then below: the second write exits, and nothing of the first is emulated.
  scenario {
    name     = "another-write-exits",
    mode     = "protected",
    controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses", "apic_register_virtualization" } },
    vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page) },
    guest    = asm [[
            mov esp, 0xfee00084
      here: call 0x08:here
    ]],
    steps = { expect "APIC_ACCESS" { rip = "here", offset = 0x7c, access = "write", rsp = 0xfee00084 } },
    final = { memory = { [page + 0x80] = "\x08\0\0\0" } },
  },
  -- A string instruction is one operation each time: emulation, and its exit, come between two iterations.
  scenario {
    name     = "string-instruction",
    controls = controls,
    guest    = asm [[
            mov edi, 0xfee00080
            mov ecx, 3
            mov cr8, rcx
            vmcall
            mov eax, 0x50
     store: rep stosd
    ]],
    steps = {
      expect "VMCALL" {},
      write.field("TPR_THRESHOLD", 3),
      expect "APIC_ACCESS" { rip = "store", rcx = 2, rdi = 0xfee00084, offset = 0x84, access = "write" },
    },
  },
  scenario {
    name     = "string-instruction-below-the-threshold",
    controls = controls,
    guest    = asm [[
            mov edi, 0xfee00080
            mov ecx, 3
            mov cr8, rcx
            vmcall
            mov eax, 0x20
     store: rep stosd
    ]],
    steps = {
      expect "VMCALL" {},
      write.field("TPR_THRESHOLD", 3),
      expect "TPR_BELOW_THRESHOLD" { rip = "store", rcx = 2, rdi = 0xfee00084 },
    },
  },
  -- The trap of a single step waits behind the exit.
  scenario {
    name     = "single-step",
    controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses", "apic_register_virtualization" } },
    idt      = { [1] = "debug" },
    guest    = asm [[
            mov ebx, 0xfee00000
            push 0x102
            popfq
            mov dword [rbx + 0xf0], 0x1ff
       svr: nop
            vmcall
     debug: vmcall
    ]],
    steps = {
      expect "APIC_WRITE" { rip = "svr", offset = 0xf0, pending_debug = 0x4000 },
      expect "VMCALL" { rip = "debug" },
    },
  },
}
