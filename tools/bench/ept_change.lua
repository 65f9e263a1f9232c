-- Exits with an EPT change and INVEPT between each and the next entry, for `vmxbench bench`.
local steps = {}
for i = 1, 20000 do
  steps[2 * i - 1] = ept { guest = 0x20000, bytes = 0x1000, rights = i % 2 == 0 and "rw" or "r" }
  steps[2 * i]     = expect "CPUID" {}
end
return scenario {
  name     = "bench-ept-change",
  mode     = "long",
  controls = { secondary = { "enable_vpid" } },
  guest    = asm [[
        round:  mov ebx, [0x20000]
                xor eax, eax
                cpuid
                jmp round
  ]],
  steps = steps,
  limit = 4000000000,
}
