-- Posted-interrupt processing: the notification vector merges the requests into VIRR without an exit; every other vector exits.
local page, descriptor, NOTIFICATION = 0x9000, 0xa000, 0xf2
local controls = {
  pin       = { "process_posted_interrupts" },
  primary   = { "use_tpr_shadow" },
  secondary = { "virtual_interrupt_delivery" },
  exit      = { "acknowledge_interrupt_on_exit" },
}
local fields = { VIRTUAL_APIC_PAGE_ADDR = host(page), POSTED_INTR_DESC_ADDR = host(descriptor) }

-- Requests 51H and 61H, outstanding notification, and software's own bits.
local function posted(on)
  return string.rep("\0", 10) .. "\2\0\2" .. string.rep("\0", 19) .. on .. "\xff\xf2\0\x34\x12\0\0"
end

local function processed(changes)
  local memory = { [descriptor] = string.rep("\0", 32) .. "\xfe\xff\xf2\0\x34\x12\0\0" }
  for address, bytes in pairs(changes) do memory[address] = bytes end
  return memory
end

return {
  scenario {
    name     = "posted-interrupt-is-delivered",
    controls = controls,
    vmcs     = fields,
    memory   = { [descriptor] = posted "\xff" },
    idt      = { [0x51] = "low", [0x61] = "high" },
    guest    = asm [[
            sti
            nop
      here: vmcall
      low:  vmcall
      high: vmcall
    ]],
    steps = {
      expect "VMCALL" { rip = "here" },
      inject.interrupt(NOTIFICATION),
      expect "VMCALL" { rip = "high" },
    },
    -- 61H in service, 51H requested
    final = { memory = processed { [page + 0x130] = "\2\0\0\0", [page + 0x220] = "\0\0\2\0", [page + 0x230] = "\0\0\0\0", [page + 0xa0] = "\x60\0\0\0" } },
  },
  -- Blocked by its priority or by IF, the request stays in VIRR, and the guest goes on.
  scenario {
    name     = "posted-interrupt-waits",
    controls = controls,
    vmcs     = fields,
    memory   = { [descriptor] = posted "\xff", [page + 0x80] = "\x60\0\0\0" },
    idt      = { [0x51] = "isr", [0x61] = "isr" },
    guest    = asm [[
            sti
            nop
            vmcall
      next: vmcall
      isr:  vmcall
    ]],
    steps = {
      expect "VMCALL" {},
      inject.interrupt(NOTIFICATION),
      expect "VMCALL" { rip = "next" },
    },
    final = { memory = processed { [page + 0x220] = "\0\0\2\0", [page + 0x230] = "\2\0\0\0" } },
  },
  scenario {
    name     = "posted-interrupt-with-if-clear",
    controls = controls,
    vmcs     = fields,
    memory   = { [descriptor] = posted "\xff" },
    idt      = { [0x51] = "isr", [0x61] = "isr" },
    guest    = asm [[
            vmcall
      next: vmcall
            sti
            nop
      isr:  vmcall
    ]],
    steps = {
      expect "VMCALL" {},
      inject.interrupt(NOTIFICATION),
      expect "VMCALL" { rip = "next" },
      expect "VMCALL" { rip = "isr", rsp = 0x70000 - 40 },
    },
  },
  scenario {
    name     = "another-vector-exits",
    controls = controls,
    vmcs     = fields,
    memory   = { [descriptor] = posted "\xff" },
    guest    = asm [[
            vmcall
      next: vmcall
    ]],
    steps = {
      expect "VMCALL" {},
      inject.interrupt(0xf1),
      expect "EXTERNAL_INTERRUPT" { rip = "next", vector = 0xf1 },
    },
    final = { memory = { [descriptor] = posted "\xff" } },
  },
  -- HLT: a notification alone does not wake, a virtual interrupt does.
  scenario {
    name     = "notification-in-hlt",
    controls = controls,
    vmcs     = fields,
    idt      = { [0x51] = "isr", [0x61] = "isr" },
    memory   = { [descriptor] = posted "\xff" },
    guest    = asm [[
            vmcall
            sti
            hlt
      next: vmcall
      isr:  mov rdi, [rsp]
            vmcall
    ]],
    steps = {
      expect "VMCALL" {},
      after(100, inject.interrupt(NOTIFICATION)),
      expect "VMCALL" { rip = "isr+4", rdi = "next" },
    },
  },
  scenario {
    name     = "notification-without-requests-in-hlt",
    controls = controls,
    vmcs     = fields,
    guest    = asm [[
            vmcall
            sti
            hlt
    ]],
    steps = {
      expect "VMCALL" {},
      after(100, inject.interrupt(NOTIFICATION)),
      after(200, inject.nmi()),
      expect "EXCEPTION_NMI" { vector = 2, activity = "hlt" },
    },
  },
}
