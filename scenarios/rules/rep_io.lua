-- INS and OUTS with REP exit before each iteration. A count of 0 ends the instruction before there is one: no port is accessed, nothing exits.
local function repeated(name, source, registers, steps)
  return scenario {
    name      = name,
    controls  = { primary = { "use_io_bitmaps" } },
    io_bitmap = { 0x80 },
    registers = registers,
    guest     = asm("here: " .. source .. "\nnext: vmcall"),
    steps     = steps,
  }
end
local at_next = { expect "VMCALL" { rip = "next", rcx = 0, rdi = 0x20000, rsi = 0x20000 } }
return {
  repeated("rep-ins-count-0", "rep insb", { rdx = 0x80, rcx = 0, rdi = 0x20000, rsi = 0x20000 }, at_next),
  repeated("rep-outs-count-0", "rep outsd", { rdx = 0x80, rcx = 0, rdi = 0x20000, rsi = 0x20000 }, at_next),
  repeated("rep-ins-count-1", "rep insb", { rdx = 0x80, rcx = 1, rdi = 0x20000 }, {
    expect "IO_INSTRUCTION" { port = 0x80, direction = "in", string = true, rep = true, rip = "here", rcx = 1, guest_linear = 0x20000, length = 2 },
    expect "VMCALL" { rip = "next", rcx = 0, rdi = 0x20001 },
  }),
}
