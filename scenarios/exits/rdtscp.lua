-- RDTSCP exits with RDTSC exiting, once it is enabled at all: without "enable RDTSCP" it is an undefined instruction, whatever else is set.
return {
  scenario {
    name     = "rdtscp",
    controls = { primary = { "rdtsc_exiting" }, secondary = { "enable_rdtscp" } },
    guest    = asm [[
      now:  rdtscp
            vmcall
    ]],
    steps = {
      expect "RDTSCP" { rip = "now", length = 3 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name             = "rdtscp-not-enabled",
    controls         = { primary = { "rdtsc_exiting" } },
    exception_bitmap = { "#UD" },
    guest            = asm [[
      now:  rdtscp
    ]],
    steps = { expect "EXCEPTION_NMI" { vector = "#UD", event_type = "hardware_exception", rip = "now" } },
  },
}
