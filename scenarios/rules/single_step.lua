-- Single-stepping and RFLAGS.RF across VM exits.
return {
  scenario {
    name  = "exit-under-tf",
    vmcs  = { GUEST_RFLAGS = 0x102 },
    guest = asm "here: vmcall",
    steps = { expect "VMCALL" { rip = "here", pending_debug = 0 } }, -- the instruction has not completed: nothing is pending
  },
  scenario {
    name             = "reflected-fault-saves-rf",
    exception_bitmap = { "#UD" },
    idt              = { [6] = "handler" },
    guest            = asm [[
      fault:   ud2
      handler: mov rax, [rsp + 16]
               and eax, 0x10000
               vmcall
    ]],
    steps = { expect "EXCEPTION_NMI" { vector = "#UD", rip = "fault" }, expect "VMCALL" { rax = 0x10000 } },
  },
}
