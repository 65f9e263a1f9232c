-- I/O instructions: the bitmaps, unconditional exiting, string forms, immediate ports.
return {
  scenario {
    name      = "io-bitmap-selects-ports",
    controls  = { primary = { "use_io_bitmaps" } },
    io_bitmap = { 0x80 },
    guest     = asm [[
            mov dx, 0x81
            out dx, al
            mov dx, 0x80
      port: out dx, al
            vmcall
    ]],
    steps = {
      expect "IO_INSTRUCTION" { port = 0x80, size = 1, direction = "out", rip = "port", length = 1, immediate = false, string = false },
      expect "VMCALL" {},
    },
  },
  scenario {
    name     = "io-unconditional",
    controls = { primary = { "unconditional_io_exiting" } },
    guest    = asm [[
      imm:  in al, 0x60
      port: mov dx, 0x1234
            out dx, ax
            in eax, dx
            vmcall
    ]],
    steps = {
      expect "IO_INSTRUCTION" { port = 0x60, size = 1, direction = "in", immediate = true, rip = "imm", length = 2 },
      expect "IO_INSTRUCTION" { port = 0x1234, size = 2, direction = "out", immediate = false, length = 2 },
      expect "IO_INSTRUCTION" { port = 0x1234, size = 4, direction = "in", length = 1 },
      expect "VMCALL" { rax = 0xffffffff },     -- no device: all ones
    },
  },
  -- OUTS: the operand's linear address is there, and the iterations exit one by one.
  scenario {
    name     = "io-string",
    controls = { primary = { "unconditional_io_exiting" } },
    guest    = asm [[
            mov esi, data
            mov ecx, 2
            mov dx, 0x99
      many: rep outsb
            vmcall
      data: db 1, 2
    ]],
    steps = {
      expect "IO_INSTRUCTION" { port = 0x99, direction = "out", string = true, rep = true, rip = "many", rcx = 2, guest_linear = "data", length = 2 },
    },
  },
}
