-- What the VM-exit MSR-store list keeps.
local function stored(name, index, change)
  return scenario {
    name     = name,
    controls = { primary = { "use_tsc_offsetting" } },
    vmcs     = { TSC_OFFSET = 1 << 40, VM_EXIT_MSR_STORE_COUNT = 1, VM_EXIT_MSR_STORE_ADDR = host(0x30000) },
    memory   = { [0x30000] = string.pack("<I8", index), [0x30008] = string.rep("\xff", 8) },
    msr_load = change.msr_load,
    guest    = asm "vmcall",
    steps    = { expect "VMCALL" {} },
    final    = { memory = change.memory },
  }
end
return {
  -- Bits 63:32 of the processor's own counter, which is far below the guest's.
  stored("tsc-without-the-offset", 0x10, { memory = { [0x3000c] = "\0\0\0\0" } }),
  stored("the-guests-value", 0xc0000102, { msr_load = { { index = 0xc0000102, value = 0x1234 } }, memory = { [0x30008] = "\x34\x12\0\0\0\0\0\0" } }),
}
