-- Virtual CPUs on physical CPUs: where each runs, what a move does, what shares a physical CPU.
local count = [[
        mov ecx, 1000
  work: loop work
        cpuid
        mov ecx, 1000
  more: loop more
  done: vmcall
  stop: jmp stop
]]
local second = [[
  second:
        mov ecx, 2000
  busy: loop busy
        cpuid
        vmcall
        jmp stop
]]

-- A 4-KByte page, where it points before and after its page-table entry at 70000H is changed.
local LINEAR, OLD, NEW = 0x400000, 0x9000, 0xa000
local old, new = string.unpack("<I4", "old\0"), string.unpack("<I4", "new\0")

-- Reads the page into EBX, changes its entry without INVLPG, and reads it once more into ECX behind the VMCALL at `here`.
local function remapped(s)
  s.memory = { [OLD] = "old", [NEW] = "new" }
  s.pages = { { linear = LINEAR, guest = OLD } }
  s.controls = s.controls or { secondary = { "enable_vpid" } }
  s.guest = asm(string.format([[
          mov ebx, [0x400000]
          mov dword [0x70000], %d
    here: vmcall
    back: vmcall
          mov ecx, [0x400000]
          vmcall
  ]], (s.without_ept and host(NEW) or NEW) + 3))
  s.without_ept = nil
  return scenario(s)
end

return {
  scenario {
    name = "a-vcpu-begins-on-its-own-number",
    vcpus = 2,
    start = { [1] = "second" },
    guest = asm(count .. second),
    steps = {
      expect "CPUID" { physical_cpu = 0 },
      expect "VMCALL" { physical_cpu = 0 },
      expect "CPUID" { vcpu = 1, physical_cpu = 1 },
      expect "VMCALL" { vcpu = 1, physical_cpu = 1 },
    },
  },
  scenario {
    name = "a-vcpu-moves-after-its-exit",
    vcpus = 2,
    pin = { [1] = 0 },
    quantum = 100,
    start = { [1] = "second" },
    guest = asm(count .. second),
    steps = {
      expect "CPUID" { physical_cpu = 0 },
      move(0, 1),
      expect "VMCALL" { physical_cpu = 1 },
      expect "CPUID" { vcpu = 1, physical_cpu = 0 },
      expect "VMCALL" { vcpu = 1, physical_cpu = 0 },
    },
  },
  scenario {
    name = "a-running-vcpu-is-taken-out-and-moves",
    physical_cpus = 3,
    guest = asm(count),
    steps = {
      after(500, move(0, 2)),
      expect "EXTERNAL_INTERRUPT" { physical_cpu = 0, rip = "work", rcx = 501 }, -- the hypervisor's own interrupt
      expect "CPUID" { physical_cpu = 2 },
      expect "VMCALL" { physical_cpu = 2 },
    },
  },
  -- ---- what arrives ----
  scenario {
    name = "an-interrupt-arrives-where-its-vcpu-runs",
    vcpus = 2,
    physical_cpus = 4,
    pin = { [0] = 3, [1] = 2 },
    start = { [1] = "second" },
    guest = asm(count .. "second: jmp second"),
    steps = {
      on(1, after(700, inject.interrupt(0x40))),
      expect "EXTERNAL_INTERRUPT" { vcpu = 1, physical_cpu = 2, rip = "second" },
      expect "CPUID" { physical_cpu = 3 },
      expect "VMCALL" { physical_cpu = 3 },
      after(100, inject.nmi()), -- for vCPU 0, which has moved by then
      move(0, 1),
      expect "EXCEPTION_NMI" { physical_cpu = 1, rip = "stop" },
    },
  },
  -- On a shared physical CPU it meets whoever runs.
  scenario {
    name = "an-interrupt-meets-whoever-runs",
    vcpus = 2,
    physical_cpus = 1,
    quantum = 100000,
    start = { [1] = "second" },
    guest = asm [[
            mov ecx, 10000
      work: loop work
            vmcall
      stop: jmp stop
      second:
            jmp second
    ]],
    steps = {
      on(1, inject.interrupt(0x40)), -- vCPU 0 has the first turn
      expect "EXTERNAL_INTERRUPT" { vcpu = 0, physical_cpu = 0 },
      expect "VMCALL" {},
    },
  },

  -- ---- moves ----
  scenario {
    name = "one-that-halts-in-its-host-moves-at-once",
    vcpus = 2,
    physical_cpus = 3,
    controls = { primary = { "hlt_exiting" } },
    start = { [1] = "sleeper" },
    guest = asm [[
            mov ecx, 5000
      work: loop work
            cpuid
            mov ecx, 5000
      more: loop more
            vmcall
      stop: jmp stop
      sleeper:
            hlt
            vmcall
            jmp stop
    ]],
    steps = {
      expect "CPUID" {},
      on(0, move(1, 2)), -- among the steps of vCPU 0
      expect "VMCALL" {},
      expect "HLT" { vcpu = 1, physical_cpu = 1 },
      on(1, after(50000, inject.nmi())),
      expect "EXCEPTION_NMI" { vcpu = 1, physical_cpu = 2, activity = "hlt" },
    },
  },
  scenario {
    name = "one-that-halts-in-its-guest-is-taken-out",
    vcpus = 2,
    physical_cpus = 3,
    start = { [1] = "sleeper" },
    guest = asm [[
            mov ecx, 5000
      work: loop work
            cpuid
            mov ecx, 5000
      more: loop more
            vmcall
      stop: jmp stop
      sleeper:
            hlt
            jmp stop
    ]],
    steps = {
      expect "CPUID" {},
      on(0, move(1, 2)),
      expect "VMCALL" {},
      expect "EXTERNAL_INTERRUPT" { vcpu = 1, physical_cpu = 1, activity = "hlt" },
      on(1, after(50000, inject.nmi())),
      expect "EXCEPTION_NMI" { vcpu = 1, physical_cpu = 2, activity = "hlt" },
    },
  },
  -- Without external-interrupt exiting nothing takes it out: it moves after the exit that comes next.
  scenario {
    name = "one-that-nothing-takes-out-moves-after-its-exit",
    vcpus = 2,
    physical_cpus = 3,
    controls = { pin = { external_interrupt_exiting = false } },
    start = { [1] = "second" },
    guest = asm [[
            cpuid
      stop: jmp stop
      second:
            mov ecx, 5000
      work: loop work
            cpuid
            vmcall
    ]],
    steps = {
      expect "CPUID" {},
      on(0, move(1, 2)),
      expect "CPUID" { vcpu = 1, physical_cpu = 1 },
      expect "VMCALL" { vcpu = 1, physical_cpu = 2 },
    },
  },
  -- What waits for the guest to be ready goes with it, and so does an event whose delivery met a VM exit.
  scenario {
    name = "an-injection-that-waits-moves-too",
    physical_cpus = 2,
    idt = { [0x40] = "isr" },
    guest = asm [[
            cpuid
            mov ecx, 100
      work: loop work
            sti
            nop
      open: jmp open
      isr:  vmcall
    ]],
    steps = {
      expect "CPUID" { physical_cpu = 0 },
      queue.interrupt(0x40),
      move(0, 1),
      expect "INTERRUPT_WINDOW" { physical_cpu = 1, rip = "open" },
      expect "VMCALL" { physical_cpu = 1, rip = "isr" },
    },
  },
  scenario {
    name = "an-event-in-delivery-moves-too",
    physical_cpus = 2,
    idt = { [0x40] = "isr" },
    ept = { { guest = 0x6f000, bytes = 0x1000, rights = "" } }, -- the stack
    guest = asm [[
            int 0x40
            hlt
      isr:  vmcall
    ]],
    steps = {
      expect "EPT_VIOLATION" { physical_cpu = 0, idt_vector = 0x40 },
      move(0, 1),
      expect "VMCALL" { physical_cpu = 1, rip = "isr" },
    },
  },
  scenario {
    name = "time-does-not-go-back",
    physical_cpus = 8,
    controls = { primary = { "rdtsc_exiting" } },
    guest = asm [[
            xor ebx, ebx
      next: rdtsc
            shl rdx, 32
            or rax, rdx
            cmp rax, rbx
            jb back
            mov rbx, rax
            jmp next
      back: hlt
    ]],
    steps = {
      expect "RDTSC" { physical_cpu = 0 }, move(0, 5),
      expect "RDTSC" { physical_cpu = 5 }, move(0, 2),
      expect "RDTSC" { physical_cpu = 2 }, move(0, 0),
      expect "RDTSC" { physical_cpu = 0 },
    },
  },

  -- ---- cached translations ----
  remapped {
    name = "translations-stay-without-a-move",
    physical_cpus = 2,
    steps = { expect "VMCALL" { rip = "here", rbx = old }, expect "VMCALL" { rip = "back" }, expect "VMCALL" { rcx = old } },
  },
  remapped {
    name = "translations-do-not-move",
    physical_cpus = 2,
    steps = {
      expect "VMCALL" { rip = "here", rbx = old }, move(0, 1),
      expect "VMCALL" { rip = "back" },
      expect "VMCALL" { rcx = new, physical_cpu = 1 },
    },
  },
  -- Those that it left behind are invalidated when it comes back.
  remapped {
    name = "translations-are-not-found-again",
    physical_cpus = 2,
    steps = {
      expect "VMCALL" { rip = "here", rbx = old }, move(0, 1),
      expect "VMCALL" { rip = "back" }, move(0, 0),
      expect "VMCALL" { rcx = new, physical_cpu = 0 },
    },
  },
  remapped {
    name = "translations-without-ept-are-not-found-again",
    without_ept = true,
    physical_cpus = 2,
    controls = { primary = { cr3_load_exiting = false, cr3_store_exiting = false },
                 secondary = { enable_vpid = true, enable_ept = false, unrestricted_guest = false } },
    steps = {
      expect "VMCALL" { rip = "here", rbx = old }, move(0, 1),
      expect "VMCALL" { rip = "back" }, move(0, 0),
      expect "VMCALL" { rcx = new, physical_cpu = 0 },
    },
  },
}
