-- Interprocessor interrupts without a device set: the local APIC is the virtual-APIC page, and the hypervisor carries out what its command register says.
local scenarios = {}
local function add(s) scenarios[#scenarios + 1] = scenario(s) end

-- What a vCPU runs that a SIPI has started, at 1000:0000.
local started = { [0x10000] = asm([[
        xor ax, ax
        mov ds, ax
        mov byte [0x9000], 1
  stay: jmp stay
]], { bits = 16 }) }

-- ---- INIT and SIPI: `send` writes EAX to the interrupt command register of the destination in R8 ----
local ways = {
  { name = "virtual-apic-page", exit = "APIC_WRITE", extra = 0, begin = "mov ebx, 0xfee00000\n mov dword [rbx + 0x310], 1 << 24", send = "mov [rbx + 0x300], eax",
    controls = { primary = { "use_tpr_shadow" }, secondary = { "unrestricted_guest", "virtualize_apic_accesses", "apic_register_virtualization" } } },
  { name = "apic-access-page", exit = "APIC_ACCESS", extra = 1, begin = "mov ebx, 0xfee00000\n mov dword [rbx + 0x310], 1 << 24", send = "mov [rbx + 0x300], eax",
    controls = { primary = { "use_tpr_shadow" }, secondary = { "unrestricted_guest", "virtualize_apic_accesses" } } },
  { name = "x2apic-msr", exit = "MSR_WRITE", extra = 0, begin = "mov edx, 1\n mov ecx, 0x830", send = "wrmsr",
    controls = { primary = { "use_tpr_shadow" }, secondary = { "unrestricted_guest", "virtualize_x2apic_mode" } } },
}
for _, way in ipairs(ways) do
  local sends = {}
  for i = 1, 3 + way.extra do sends[i] = expect(way.exit) {} end
  -- vCPU 1 runs. INIT takes it out of its guest, SIPI starts it anew. The second SIPI finds nobody who waits for it.
  add {
    name     = "init-and-sipi-by-" .. way.name,
    vcpus    = 2,
    controls = way.controls,
    start    = { [1] = "running" },
    memory   = started,
    guest    = asm(way.begin .. [[

              mov eax, 0x4500
      init:   ]] .. way.send .. [[

              mov esi, 5000
      delay:  dec esi
              jnz delay
              mov eax, 0x4610
      sipi:   ]] .. way.send .. [[

      again:  ]] .. way.send .. [[

      spin:   cmp byte [0x9000], 1
              jne spin
              vmcall
      done:   jmp done
      running: jmp running
    ]]),
    steps = {
      sends,
      expect "VMCALL" {},
      expect "INIT_SIGNAL" { vcpu = 1, rip = "running" },
      expect "SIPI_SIGNAL" { vcpu = 1, vector = 0x10, activity = "wait_for_sipi" },
    },
    final = { memory = { [0x9000] = "\1" } },
  }
end

-- The first INIT finds a vCPU that waits for its SIPI already.
add {
  name     = "init-of-one-that-waits-changes-nothing",
  quantum  = 500, -- not for Bochs, whose second processor blocks SMIs and NMIs for ever after a VM exit by a SIPI
  vcpus    = 2,
  controls = ways[1].controls,
  memory   = started,
  guest    = asm(ways[1].begin .. [[

          mov dword [rbx + 0x300], 0x4500
          mov dword [rbx + 0x300], 0x4610
    spin: cmp byte [0x9000], 1
          jne spin
          vmcall
  ]]),
  steps = {
    expect "APIC_WRITE" { offset = 0x300 }, expect "APIC_WRITE" { offset = 0x300 }, expect "VMCALL" {},
    expect "SIPI_SIGNAL" { vcpu = 1, vector = 0x10 },
  },
}

-- Wait-for-SIPI hears nothing else. Interrupts and NMIs wait at the physical CPU until the vCPU is active.
add {
  name  = "wait-for-sipi-hears-sipi-alone",
  vcpus = 2,
  memory = started,
  guest = asm [[
          mov ecx, 20000
    work: loop work
          vmcall
    stop: jmp stop
  ]],
  steps = {
    on(1, inject.nmi()), on(1, inject.interrupt(0x40)),
    on(1, after(30000, inject.sipi(0x10))),
    expect "VMCALL" {},
    expect "SIPI_SIGNAL" { vcpu = 1, vector = 0x10, activity = "wait_for_sipi" },
    expect "EXCEPTION_NMI" { vcpu = 1, vector = 2, activity = "active", rip = 0 },
    expect "EXTERNAL_INTERRUPT" { vcpu = 1 },
  },
}

-- ---- fixed interrupts ---- vCPU 0 sends vector 51H three times, vCPU 1 counts them.
local function sending(wait)
  return asm([[
          mov ebx, 0xfee00000
          mov dword [rbx + 0x310], 1 << 24
          mov esi, 3
    next: mov ecx, 5000
    work: loop work
          mov dword [rbx + 0x300], 0x4051
          dec esi
          jnz next
    seen: cmp byte [0x9000], 3
          jne seen
          vmcall
    done: jmp done
    second:
          mov ebx, 0xfee00000
          sti
    more: ]] .. wait .. [[

          jmp more
    isr:  inc byte [0x9000]
          mov dword [rbx + 0xb0], 0
          iretq
  ]])
end
local posted = {
  pin       = { "process_posted_interrupts" },
  primary   = { "use_tpr_shadow" },
  secondary = { "virtualize_apic_accesses", "apic_register_virtualization", "virtual_interrupt_delivery" },
  exit      = { "acknowledge_interrupt_on_exit" },
}
local function fixed(s)
  s.vcpus, s.start, s.idt = 2, { [1] = "second" }, { [0x51] = "isr" }
  s.final = { memory = { [0x9000] = "\3" } }
  add(s)
end
local sends = { expect "APIC_WRITE" { offset = 0x300 }, expect "APIC_WRITE" { offset = 0x300 }, expect "APIC_WRITE" { offset = 0x300 }, expect "VMCALL" {} }

-- The hypervisor kicks the target: an exit, and the interrupt is injected.
local kick, eoi = expect "EXTERNAL_INTERRUPT" { vcpu = 1, physical_cpu = 1 }, expect "APIC_WRITE" { vcpu = 1, offset = 0xb0 }
fixed {
  name     = "a-fixed-ipi-kicks-a-guest-that-runs",
  quantum  = 500,
  controls = { primary = { "use_tpr_shadow" }, secondary = { "virtualize_apic_accesses", "apic_register_virtualization" } },
  guest    = sending "pause",
  steps    = { sends, kick, eoi, kick, eoi, kick, eoi },
}
-- A posted one is no exit of the target, be its guest running or in HLT.
for _, wait in ipairs { "pause", "hlt" } do
  fixed {
    name     = "a-posted-ipi-is-no-exit-in-" .. wait,
    controls = posted,
    guest    = sending(wait),
    steps    = { sends },
  }
end
-- One that is halted in its host is woken by it.
fixed {
  name     = "a-posted-ipi-wakes-one-that-is-halted-in-its-host",
  controls = { pin = posted.pin, primary = { "use_tpr_shadow", "hlt_exiting" }, secondary = posted.secondary, exit = posted.exit },
  guest    = sending "hlt",
  steps    = { sends, expect "HLT" { vcpu = 1 }, expect "HLT" { vcpu = 1 }, expect "HLT" { vcpu = 1 }, expect "HLT" { vcpu = 1 } },
}
-- Both on one physical CPU: what is posted while the other one runs is there when the target goes on.
for _, quantum in ipairs { 100, 1000, 4000 } do
  fixed {
    name          = "a-posted-ipi-reaches-one-that-waits-for-its-turn-of-" .. quantum,
    physical_cpus = 1,
    quantum       = quantum,
    controls      = posted,
    guest         = sending "pause",
    steps         = { sends },
  }
end
-- The hypervisor's own interrupt is another vector than the notification: it takes such a guest out.
fixed {
  name          = "a-guest-with-posted-interrupts-is-kicked",
  physical_cpus = 3,
  controls      = posted,
  guest         = sending "hlt",
  steps         = {
    expect "APIC_WRITE" { offset = 0x300 }, on(0, move(1, 2)), expect "APIC_WRITE" { offset = 0x300 }, expect "APIC_WRITE" { offset = 0x300 }, expect "VMCALL" {},
    expect "EXTERNAL_INTERRUPT" { vcpu = 1, physical_cpu = 1, vector = 0xf3 },
  },
}
return scenarios
