-- EPT violations for `vmxbench bench`: every page of a range is read once and mapped on demand by the handler.
return scenario {
  name      = "bench-ept-map",
  mode      = "long",
  guest_ram = 0x1000000,
  controls  = { secondary = { "enable_vpid" } },
  ept       = { { guest = 0x200000, bytes = 0xe00000, rights = "" } },
  registers = { r14 = 3584 },
  guest     = asm [[
                mov esi, 0x200000
        round:  mov eax, [rsi]
                add rsi, 4096
                dec r14
                jnz round
                hlt
  ]],
  steps = {},
  rest  = "any",
  limit = 4000000000,
}
