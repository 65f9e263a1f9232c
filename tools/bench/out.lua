-- A loop of IO_INSTRUCTION exits for `vmxbench bench`: OUT to port 80H. R14 counts the exits.
return scenario {
  name      = "bench-out",
  mode      = "long",
  controls  = { primary = { "unconditional_io_exiting" }, secondary = { "enable_vpid" } },
  registers = { r14 = 200000 },
  guest     = asm [[
        round:  mov eax, r14d
                out 0x80, al
                dec r14
                jnz round
                hlt
  ]],
  steps = {},
  rest  = "any",
  limit = 4000000000,
}
