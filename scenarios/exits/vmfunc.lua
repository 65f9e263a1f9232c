-- VMFUNC: EPTP switching to an entry of the list, and an exit for a function or index that is not there, which the handlers answer with #UD.
return scenario {
  name     = "vmfunc",
  controls = { secondary = { "enable_vm_functions" }, vmfunc = { "eptp_switching" } },
  idt      = { [6] = "ud" },
  guest    = asm [[
            xor eax, eax
            xor ecx, ecx
            vmfunc                  ; entry 0 is the EPTP in use
            mov ecx, 1
      none: vmfunc                  ; entry 1 is empty
      ud:   mov rbx, [rsp]          ; where it happened
            vmcall
  ]],
  steps = {
    expect "VMFUNC" { rip = "none", length = 3, rcx = 1 },
    expect "VMCALL" { rbx = "none" },
  },
}
