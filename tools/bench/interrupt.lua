-- External interrupts for `vmxbench bench`: each exits, is taken by the host, is injected, and the guest's handler returns.
local steps = {}
for i = 1, 20000 do
  steps[2 * i - 1] = after(8, inject.interrupt(0x40))
  steps[2 * i]     = expect "EXTERNAL_INTERRUPT" {}
end
return scenario {
  name     = "bench-interrupt",
  mode     = "long",
  controls = { pin = { "external_interrupt_exiting" }, secondary = { "enable_vpid" } },
  idt      = { [0x40] = "serve" },
  guest    = asm [[
                sti
        round:  inc rax
                jmp round
        serve:  inc rbx
                iretq
  ]],
  steps = steps,
  limit = 4000000000,
}
