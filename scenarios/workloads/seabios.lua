-- SeaBIOS of Debian's package "seabios" from the reset vector: real and protected mode, PCI, timers, HLT with interrupts. It looks for
-- something to boot, finds nothing, waits for a minute of its own time and asks for a reset.
local bios = "../../build/guests/usr/share/seabios/bios.bin" -- tools/setup.sh fetches it
return scenario {
  name      = "seabios",
  mode      = "reset",
  guest_ram = 16 << 20,
  controls  = {
    pin     = { "external_interrupt_exiting" },
    primary = { "hlt_exiting", "unconditional_io_exiting" },
  },
  memory = {                                   -- the ROM ends at 4 GiB and shines through below 1 MiB
    [0xe0000]    = file(bios),
    [0xfffe0000] = file(bios),
  },
  policy = { devices = true },
  steps  = {},
  rest   = "any",
  limit  = 50000000,
  final  = { stop = "power_off", output = "No bootable device.  Retrying in 60 seconds.\n" },
}
