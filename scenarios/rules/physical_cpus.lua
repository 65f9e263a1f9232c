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
}
