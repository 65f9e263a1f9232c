-- memtest86+ of Debian's package "memtest86+", started through the Linux boot protocol: it finds processor, memory and timers by itself, writes to text
-- memory, polls the keyboard controller, and tests 16 MBytes. The limit falls into test 3 of its first pass; tests 0 to 2 are done by then.
local image = "../../build/guests/boot/memtest86+ia32.bin" -- tools/setup.sh fetches it
return scenario {
  name      = "memtest",
  guest_ram = "16M",
  guest     = linux { kernel = file(image), append = "keyboard=legacy nopause" },
  controls  = {
    pin     = { "external_interrupt_exiting" },
    primary = { "hlt_exiting", "unconditional_io_exiting" },
  },
  policy = { devices = true },
  steps  = {},
  rest   = "any",
  limit  = 150000000,
  final  = {
    stop   = "limit",
    screen = {
      "Memtest86+ v6.10",
      "CLK/Temp: 1000MHz",
      "Memory  :   16MB",
      "Test #3  [Moving inversions, 1s & 0s]",
      "CPU: 1 Cores 1 Threads    SMP: Disabled",
      "Pass:  0        Errors: 0",
    },
  },
}
