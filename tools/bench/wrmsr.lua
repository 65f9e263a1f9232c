-- A loop of MSR_WRITE exits for `vmxbench bench`: IA32_SYSENTER_ESP. R14 counts the exits.
return scenario {
  name      = "bench-wrmsr",
  mode      = "long",
  controls  = { secondary = { "enable_vpid" } },
  registers = { r14 = 200000 },
  guest     = asm [[
                xor edx, edx
                mov ecx, 0x175
        round:  mov eax, r14d
                wrmsr
                dec r14
                jnz round
                hlt
  ]],
  steps = {},
  rest  = "any",
  limit = 4000000000,
}
