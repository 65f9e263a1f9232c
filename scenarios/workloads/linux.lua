-- A Linux kernel as Debian ships it, from its 32-bit entry to a program in ring 3 that says hello and turns power off: decompression, paging,
-- interrupts through the I/O APIC, the local APIC's TSC-deadline timer, HPET, ACPI, PCI, serial console, user space. About 1.8 thousand million
-- instructions.
local kernel = "../../build/guests/vmlinuz" -- tools/fetch_linux.sh fetches it

-- The initial file system is a cpio archive with one file, /init: an ELF program of one segment at 400000H.
local text = "Ring 3 of a guest says hello.\n"
local code = "\xb8\x01\x00\x00\x00"                      -- mov eax, 1          write
          .. "\x89\xc7"                                  -- mov edi, eax
          .. "\x48\x8d\x35\x30\x00\x00\x00"              -- lea rsi, [rel text]
          .. "\xba" .. string.pack("<I4", #text)         -- mov edx, length
          .. "\x0f\x05"                                  -- syscall
          .. "\xb8\x10\x00\x00\x00"                      -- mov eax, 16         ioctl
          .. "\xbe\x09\x54\x00\x00"                      -- mov esi, 5409H      wait until the text is written
          .. "\xba\x01\x00\x00\x00"                      -- mov edx, 1
          .. "\x0f\x05"                                  -- syscall
          .. "\xb8\xa9\x00\x00\x00"                      -- mov eax, 169        reboot
          .. "\xbf\xad\xde\xe1\xfe"                      -- mov edi, FEE1DEADH
          .. "\xbe\x69\x19\x12\x28"                      -- mov esi, 28121969H
          .. "\xba\xdc\xfe\x21\x43"                      -- mov edx, 4321FEDCH  power off
          .. "\x0f\x05"                                  -- syscall
          .. "\xeb\xfe"                                  -- jmp $
          .. text
local size = 0x78 + #code
local init = "\x7fELF\x02\x01\x01" .. ("\0"):rep(9)
          .. string.pack("<I2I2I4I8I8I8I4I2I2I2I2I2I2", 2, 62, 1, 0x400078, 0x40, 0, 0, 0x40, 0x38, 1, 0, 0, 0)
          .. string.pack("<I4I4I8I8I8I8I8I8", 1, 5, 0, 0x400000, 0x400000, size, size, 0x1000)
          .. code

local function padded(bytes)
  return bytes .. ("\0"):rep(-#bytes % 4)
end
local function entry(name, mode, data)
  local head = "070701"
  for _, number in ipairs { 0, mode, 0, 0, 1, 0, #data, 0, 0, 0, 0, #name + 1, 0 } do
    head = head .. ("%08x"):format(number)
  end
  return padded(head .. name .. "\0") .. padded(data)
end

return scenario {
  name      = "linux",
  guest_ram = "128M",
  guest     = linux {
    kernel = file(kernel),
    initrd = entry("init", 0x81ed, init) .. entry("TRAILER!!!", 0, ""),
    append = "console=ttyS0 nokaslr panic=-1",
  },
  controls  = {
    primary   = { "hlt_exiting", "unconditional_io_exiting" },
    secondary = { "enable_rdtscp", "enable_invpcid" },
  },
  policy = { devices = true },
  steps  = {},
  rest   = "any",
  limit  = 4000000000,
  final  = { stop = "power_off", output = "\n" .. text:sub(1, -2) },
}
