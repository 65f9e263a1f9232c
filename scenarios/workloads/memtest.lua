-- memtest86+ of Debian's package "memtest86+", started through the Linux boot protocol: it finds processor, memory and timers by itself, writes to text
-- memory, polls the keyboard controller, and tests 16 MBytes. The limit falls into test 3 of its first pass; tests 0 to 2 are done by then.
-- On two virtual CPUs it starts the second one by INIT and SIPI, and they wake each other from HLT by NMIs: those want "virtual NMIs", for without it
-- IRET does not end the blocking by an injected one.
local image = "../../build/guests/boot/memtest86+ia32.bin" -- tools/setup.sh fetches it

local function memtest(name, vcpus, limit, cpus_line)
  return scenario {
    name      = name,
    vcpus     = vcpus,
    guest_ram = "16M",
    guest     = linux { kernel = file(image), append = "keyboard=legacy nopause" },
    controls  = {
      pin     = { "virtual_nmis" },
      primary = { "hlt_exiting", "unconditional_io_exiting" },
    },
    policy = { devices = true },
    steps  = {},
    rest   = "any",
    limit  = limit,
    final  = {
      stop   = "limit",
      screen = {
        "Memtest86+ v6.10",
        "CLK/Temp: 1000MHz",
        "Memory  :   16MB",
        "Test #3  [Moving inversions, 1s & 0s]",
        cpus_line,
        "Pass:  0        Errors: 0",
      },
    },
  }
end

return {
  memtest("memtest",     1, 150000000, "CPU: 1 Cores 1 Threads    SMP: Disabled"),
  memtest("memtest-smp", 2, 200000000, "SMP: 2T (PAR)"),
}
