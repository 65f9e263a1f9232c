-- IRET and blocking by NMI: an IRET that begins while NMIs are blocked ends the blocking even when it faults or exits, and the exit tells so in bit 12
-- (NMI unblocking due to IRET). With NMI exiting and no virtual NMIs, IRET leaves the blocking alone and the bit is undefined.
local BLOCKED = 8
local UNBLOCKING = 0x1000
local NMIS = {
  { name = "nmis-of-the-guest", pin = { nmi_exiting = false, virtual_nmis = false }, unblocks = true, defined = true },
  { name = "virtual-nmis", pin = { nmi_exiting = true, virtual_nmis = true }, unblocks = true, defined = true },
  { name = "nmis-of-the-host", pin = { nmi_exiting = true, virtual_nmis = false }, unblocks = false, defined = false },
}
-- A frame whose last slot stands on a page of its own: which slot a processor reads first is its own business.
local PAGE = 0x20000
local FRAME = { [PAGE - 0x20] = string.pack("<I8I8I8I8I8", 0x100, 8, 2, 0x30000, 0x10), [0x100] = "\x0f\x01\xc1" }
local scenarios = {}

local function add(s) scenarios[#scenarios + 1] = scenario(s) end

for _, nmis in ipairs(NMIS) do
  for _, blocked in ipairs { 0, BLOCKED } do
    local after = nmis.unblocks and 0 or blocked
    local bit = (nmis.defined and blocked ~= 0) and UNBLOCKING or 0
    local name = nmis.name .. (blocked ~= 0 and "-blocked" or "-open")
    -- It completes.
    add {
      name     = "iret-completes-" .. name,
      controls = { pin = nmis.pin },
      vmcs     = { GUEST_INTERRUPTIBILITY_INFO = blocked },
      guest    = asm [[
              mov rax, rsp
              mov ecx, ss
              push rcx
              push rax
              pushfq
              mov ecx, cs
              push rcx
              push there
              iretq
      there:  vmcall
      ]],
      steps = { expect "VMCALL" { interruptibility = after, rip = "there" } },
    }
    -- Its stack is not there, for guest paging.
    add {
      name             = "iret-page-fault-" .. name,
      controls         = { pin = nmis.pin },
      vmcs             = { GUEST_INTERRUPTIBILITY_INFO = blocked },
      exception_bitmap = { "#PF" },
      pages            = { { linear = PAGE, present = false } },
      policy           = { exceptions = "stop" },
      memory           = FRAME,
      guest            = asm [[
              mov esp, 0x20000 - 0x20
              nop
        ret:  iretq
      ]],
      steps = {
        expect "EXCEPTION_NMI" { vector = "#PF", rip = "ret", qualification = PAGE, interruption_info = 0x80000b0e + bit, interruptibility = after },
      },
    }
    -- It names a bad code segment: a fault of IRET as well, though not of an access to memory.
    add {
      name             = "iret-general-protection-" .. name,
      controls         = { pin = nmis.pin },
      vmcs             = { GUEST_INTERRUPTIBILITY_INFO = blocked },
      exception_bitmap = { "#GP" },
      policy           = { exceptions = "stop" },
      guest            = asm [[
              push 0
              push 0
              pushfq
              push 0x50
              push 0
        ret:  iretq
      ]],
      steps = {
        expect "EXCEPTION_NMI" { vector = "#GP", rip = "ret", error_code = 0x50, interruption_info = 0x80000b0d + bit, interruptibility = after },
      },
    }
    -- Its stack is not there, for EPT: the handler maps it and blocks NMIs again, the second try completes.
    add {
      name     = "iret-ept-violation-" .. name,
      controls = { pin = nmis.pin },
      vmcs     = { GUEST_INTERRUPTIBILITY_INFO = blocked },
      ept      = { { guest = PAGE, rights = "" } },
      memory   = FRAME,
      guest    = asm [[
              mov esp, 0x20000 - 0x20
              nop
        ret:  iretq
      ]],
      steps = {
        expect "EPT_VIOLATION" {
          rip = "ret", read = true, guest_physical = PAGE, qualification = { value = 0x181 + bit, mask = 0x11ff }, interruptibility = after,
        },
        expect "VMCALL" { rip = 0x100, interruptibility = after },
      },
    }
  end
end

-- Real-address mode has an IRET of its own.
add {
  name     = "iret-in-real-mode",
  mode     = "real",
  controls = { pin = { nmi_exiting = false } },
  vmcs     = { GUEST_INTERRUPTIBILITY_INFO = BLOCKED },
  ept      = { { guest = PAGE, rights = "" } },
  memory   = { [PAGE - 4] = string.pack("<I2I2I2", 0x100, 0, 2), [0x100] = "\x0f\x01\xc1" },
  guest    = asm [[
          mov ax, 0x1800
          mov ss, ax
          mov sp, 0x7ffc
          nop
    ret:  iret
  ]],
  steps    = {
    expect "EPT_VIOLATION" { rip = "ret", guest_physical = PAGE, qualification = { value = 0x1181, mask = 0x11ff }, interruptibility = 0 },
    expect "VMCALL" { rip = 0x100, interruptibility = 0, rsp = 0x8002 },
  },
}

-- A fault that the guest's own handler takes unblocks too; what exits later reports nothing.
add {
  name             = "a-later-exit-reports-nothing",
  controls         = { pin = { nmi_exiting = false } },
  vmcs             = { GUEST_INTERRUPTIBILITY_INFO = BLOCKED },
  exception_bitmap = { "#UD" },
  policy           = { exceptions = "stop" },
  idt              = { [13] = "gp" },
  guest            = asm [[
          push 0
          push 0
          pushfq
          push 0x50
          push 0
          iretq
    gp:   ud2
  ]],
  steps            = { expect "EXCEPTION_NMI" { vector = "#UD", interruption_info = 0x80000306, interruptibility = 0, rip = "gp" } },
}
return scenarios
