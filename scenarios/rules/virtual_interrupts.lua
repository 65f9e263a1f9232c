-- Virtual-interrupt delivery: the priority that blocks, what evaluates, what a window is, what delivery leaves in the page.
local page = 0x9000
local secondary = { "virtual_interrupt_delivery", "virtualize_x2apic_mode" }
local controls = { primary = { "use_tpr_shadow", "use_msr_bitmaps" }, secondary = secondary }
local scenarios = {}

local function register(offset, value) return { [page + offset] = string.char(value, 0, 0, 0) } end

-- VM entry: VPPR is the higher of VTPR and SVI by class; the interrupt is delivered if the class of RVI is above that of VPPR.
for _, tpr in ipairs { 0x00, 0x0f, 0x50, 0x5f } do
  for _, svi in ipairs { 0x00, 0x4f, 0x51, 0x61 } do
    for _, rvi in ipairs { 0x4f, 0x5f, 0x61, 0x70 } do
      local ppr = tpr >> 4 >= svi >> 4 and tpr or svi & 0xf0
      local delivered = rvi >> 4 > ppr >> 4
      scenarios[#scenarios + 1] = scenario {
        name     = string.format("entry-tpr-%02x-svi-%02x-rvi-%02x", tpr, svi, rvi),
        controls = controls,
        vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page), GUEST_INTR_STATUS = svi << 8 | rvi, GUEST_RFLAGS = 0x202 },
        memory   = register(0x80, tpr),
        idt      = { [rvi] = "isr" },
        guest    = asm [[
            idle: vmcall
            isr:  vmcall
        ]],
        steps    = { expect "VMCALL" { rip = delivered and "isr" or "idle" } },
        final    = { memory = register(0xa0, delivered and rvi & 0xf0 or ppr) },
      }
    end
  end
end

local function bit_of(base, vector)
  local word = 1 << (vector & 31)
  return page + base + ((vector & 0xe0) >> 1), string.pack("<I4", word)
end

-- Delivery moves the vector from VIRR to VISR; the end of interrupt takes it out again and lets the next one in.
do
  local isr61, isr61_bit = bit_of(0x100, 0x61)
  local irr51, irr51_bit = bit_of(0x200, 0x51)
  local irr61 = bit_of(0x200, 0x61)
  local chain = [[
          mov ecx, 0x83f
          xor edx, edx
          mov eax, 0x51
          wrmsr                   ; self-IPI
          mov eax, 0x61
          wrmsr
          sti
          nop
          hlt
    high: ]]
  scenarios[#scenarios + 1] = scenario {
    name     = "delivery-moves-the-request-into-service",
    controls = controls,
    vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page) },
    idt      = { [0x51] = "low", [0x61] = "high" },
    guest    = asm(chain .. "vmcall\nlow: vmcall"),
    steps    = { expect "VMCALL" { rip = "high" } },
    final    = { memory = { [isr61] = isr61_bit, [irr51] = irr51_bit, [irr61] = "\0\0\0\0", [page + 0xa0] = "\x60\0\0\0" } },
  }
  scenarios[#scenarios + 1] = scenario {
    name     = "end-of-interrupt-lets-the-next-in",
    controls = controls,
    vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page) },
    idt      = { [0x51] = "low", [0x61] = "high" },
    guest    = asm(chain .. [[ sti            ; 51H waits for the end of 61H
          nop
          mov ecx, 0x80b
          xor eax, eax
          wrmsr
    late: vmcall
    low:  mov rbx, [rsp]
          vmcall
    ]]),
    steps    = { expect "VMCALL" { rip = "low+4", rbx = "late" } },
    final    = { memory = { [isr61] = "\0\0\0\0", [irr51] = "\0\0\0\0", [page + 0xa0] = "\x50\0\0\0" } },
  }
end

-- What lowers the priority evaluates: MOV to CR8, the MSR, a write to the page.
local lowering = {
  ["cr8"] = { "xor eax, eax\nmov cr8, rax", secondary },
  ["msr"] = { "mov ecx, 0x808\nxor eax, eax\nxor edx, edx\nwrmsr", secondary },
  ["page"] = { "mov ebx, 0xfee00000\nmov dword [rbx + 0x80], 0", { "virtual_interrupt_delivery", "virtualize_apic_accesses" } },
}
for _, how in ipairs { "cr8", "msr", "page" } do
  scenarios[#scenarios + 1] = scenario {
    name     = "tpr-lowered-by-" .. how,
    controls = { primary = controls.primary, secondary = lowering[how][2] },
    vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page), GUEST_INTR_STATUS = 0x51, GUEST_RFLAGS = 0x202 },
    memory   = register(0x80, 0x50),
    idt      = { [0x51] = "isr" },
    guest    = asm("vmcall\n" .. lowering[how][1] .. "\nnext: vmcall\nisr: mov rdi, [rsp]\nvmcall"),
    steps    = { expect "VMCALL" { rip = 0x8000 }, expect "VMCALL" { rip = "isr+4", rdi = "next" } },
  }
end

-- Windows: IF, the shadows of STI and MOV SS, HLT.
local windows = {
  { "if-clear", "nop\nstill: vmcall\nsti\nnop\nnext: vmcall", first = "still" },
  { "if-set-by-popf", "push 0x202\npopfq\nnext: vmcall" },
  { "sti-shadow", "sti\nnop\nnext: vmcall" },
  { "sti-shadow-of-the-entry", "nop\nnext: vmcall", shadow = 1 },
  { "mov-ss-shadow-of-the-entry", "nop\nnext: vmcall", shadow = 2 },
  { "hlt", "sti\nhlt\nnext: vmcall" },
}
for _, window in ipairs(windows) do
  local steps = {}
  if window.first then steps[1] = expect "VMCALL" { rip = window.first } end
  steps[#steps + 1] = expect "VMCALL" { rip = "isr+4", rdi = "next" }
  scenarios[#scenarios + 1] = scenario {
    name     = "window-" .. window[1],
    controls = controls,
    vmcs     = {
      VIRTUAL_APIC_PAGE_ADDR = host(page), GUEST_INTR_STATUS = 0x51,
      GUEST_RFLAGS = window.shadow and 0x202 or 2, GUEST_INTERRUPTIBILITY_INFO = window.shadow or 0,
    },
    idt      = { [0x51] = "isr" },
    guest    = asm(window[2] .. "\nisr: mov rdi, [rsp]\nvmcall"),
    steps    = steps,
  }
end

-- Interrupt-window exiting takes its place: the exit comes, and no virtual interrupt.
scenarios[#scenarios + 1] = scenario {
  name     = "interrupt-window-exiting-goes-first",
  controls = { primary = { "use_tpr_shadow", "interrupt_window_exiting" }, secondary = secondary },
  vmcs     = { VIRTUAL_APIC_PAGE_ADDR = host(page), GUEST_INTR_STATUS = 0x51 },
  idt      = { [0x51] = "isr" },
  guest    = asm [[
          sti
    here: nop
    isr:  vmcall
  ]],
  steps = { expect "INTERRUPT_WINDOW" { rip = "here+1" } },
}
return scenarios
