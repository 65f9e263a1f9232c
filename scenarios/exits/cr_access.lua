-- Control registers: guest/host masks and read shadows of CR0 and CR4, CR3-target values, CR8.
return {
  scenario {
    name = "cr0-mask-and-shadow",
    vmcs = { CR0_GUEST_HOST_MASK = 0x28, CR0_READ_SHADOW = 0x80010031 },   -- the host owns NE and TS
    guest = asm [[
            mov rax, cr0            ; never exits; TS as the shadow shows it
            mov rbx, rax
            or rax, 2               ; MP is the guest's own
            mov cr0, rax
            or rax, 8
      ts:   mov cr0, rax
      clts: clts
            vmcall
    ]],
    steps = {
      expect "CR_ACCESS" { cr = 0, cr_type = "mov_to", gpr = "rax", rip = "ts", length = 3, rbx = 0x80010031, rax = 0x8001003b },
      expect "CR_ACCESS" { cr = 0, cr_type = "clts", rip = "clts", length = 2 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name  = "cr4-mask-and-shadow",
    guest = asm [[
            mov rax, cr4            ; VMXE belongs to the host; its shadow is 0
            mov rbx, rax
            or rax, 0x200
            mov cr4, rax
            mov rcx, rax
            or rcx, 0x2000
      vmxe: mov cr4, rcx
    ]],
    exception_bitmap = { "#GP" },
    steps = { expect "CR_ACCESS" { cr = 4, cr_type = "mov_to", gpr = "rcx", rip = "vmxe", rbx = 0x20, rcx = 0x2220 } },
  },
  scenario {
    name     = "cr3-load-store-and-targets",
    controls = { primary = { "cr3_load_exiting", "cr3_store_exiting" } },
    vmcs     = { CR3_TARGET_COUNT = 1, CR3_TARGET_VALUE0 = 0x4000 },
    guest    = asm [[
      get:  mov rsi, cr3
            mov rax, 0x4000
            mov cr3, rax            ; a target value: no exit
            mov rax, 0x4008
      put:  mov cr3, rax
            vmcall
    ]],
    steps = {
      expect "CR_ACCESS" { cr = 3, cr_type = "mov_from", gpr = "rsi", rip = "get" },
      expect "CR_ACCESS" { cr = 3, cr_type = "mov_to", gpr = "rax", rip = "put", rsi = 0x4000 },
      expect "VMCALL" { cr3 = 0x4008 },
    },
  },
  scenario {
    name     = "cr8-load-and-store",
    controls = { primary = { "cr8_load_exiting", "cr8_store_exiting" } },
    guest    = asm [[
            mov eax, 5
      put:  mov cr8, rax
      get:  mov rbx, cr8
            vmcall
    ]],
    steps = {
      expect "CR_ACCESS" { cr = 8, cr_type = "mov_to", gpr = "rax", rip = "put", length = 4 },
      expect "CR_ACCESS" { cr = 8, cr_type = "mov_from", gpr = "rbx", rip = "get" },
      expect "VMCALL" { rbx = 5 },
    },
  },
  -- LMSW cannot clear PE; it exits for owned bits that would change.
  scenario {
    name = "lmsw",
    vmcs = { CR0_GUEST_HOST_MASK = 0x28 },
    guest = asm [[
            mov ax, 0x3b
      lmsw: lmsw ax
            vmcall
    ]],
    steps = {
      expect "CR_ACCESS" { cr = 0, cr_type = "lmsw", rip = "lmsw", length = 3, qualification = 0x003b0030 },
      expect "VMCALL" {},
    },
  },
}
