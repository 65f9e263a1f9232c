-- VMFUNC: EPTP switching to an entry of the list, and an exit for a function or index that is not there.
return scenario {
  name     = "vmfunc",
  controls = { secondary = { "enable_vm_functions" }, vmfunc = { "eptp_switching" } },
  guest    = asm [[
            xor eax, eax
            xor ecx, ecx
            vmfunc                  ; entry 0 is the EPTP in use
            mov ecx, 1
      none: vmfunc                  ; entry 1 is empty
  ]],
  steps = { expect "VMFUNC" { rip = "none", length = 3, rcx = 1 } },
}
