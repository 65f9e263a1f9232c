-- Instructions at their edges: 15 bytes at most, string I/O at ports without a device.
local scenarios = {}

for _, case in ipairs {
  { "nop", 14, "nop" }, { "nop", 15, "nop", "#GP" }, { "cpuid", 13, "cpuid" }, { "cpuid", 14, "cpuid", "#GP" }, { "ud2", 13, "ud2", "#UD" },
  { "ud2", 14, "ud2", "#GP" },
} do
  scenarios[#scenarios + 1] = scenario {
    name  = string.format("%s-behind-%d-prefixes", case[1], case[2]),
    exception_bitmap = { "#GP", "#UD" },
    policy = { exceptions = "stop" },
    guest = asm(string.format("here: times %d db 0x66\n%s\nvmcall", case[2], case[3])),
    steps = {
      case[4] and expect "EXCEPTION_NMI" { vector = case[4], rip = "here" } or case[1] == "cpuid" and expect "CPUID" { rip = "here", length = 15 } or
        expect "VMCALL" { rip = 0x8000 + case[2] + 1 },
    },
  }
end

scenarios[#scenarios + 1] = scenario {
  name  = "string-io-without-a-device",
  guest = asm [[
          mov ecx, 5
          mov edx, 0x80
          mov esi, 0x9000
          rep outsb
          mov edi, 0x9010
          mov ecx, 3
          rep insw
          insb
          std
          outsd
          rep insb                ; RCX = 0
          vmcall
  ]],
  steps = { expect "VMCALL" { rcx = 0, rsi = 0x9001, rdi = 0x9017 } },
  final = { memory = { [0x9010] = "\xff\xff\xff\xff\xff\xff\xff\0" }, instructions = 11 },
}
scenarios[#scenarios + 1] = scenario {
  name   = "string-io-faults-at-its-iteration",
  pages  = { { linear = 0xa000, present = false } },
  exception_bitmap = { "#PF" },
  policy = { exceptions = "stop" },
  guest  = asm [[
          mov ecx, 5
          mov edx, 0x80
          mov edi, 0x9ffe
    ins:  rep insb
  ]],
  steps = { expect "EXCEPTION_NMI" { vector = "#PF", rip = "ins", rcx = 3, rdi = 0xa000, qualification = 0xa000 } },
  final = { memory = { [0x9ffe] = "\xff\xff" } },
}
return scenarios
