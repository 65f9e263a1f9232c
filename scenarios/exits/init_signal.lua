-- INIT exits from non-root operation; the handler puts the virtual CPU into the wait-for-SIPI state, where only a SIPI counts.
return scenario {
  name  = "init-and-sipi",
  controls = { secondary = { "unrestricted_guest" } },   -- the handlers start the guest over in real mode
  guest = asm [[
      here: vmcall
            jmp here
  ]],
  steps = {
    inject.init(),
    expect "INIT_SIGNAL" { rip = "here" },
    inject.sipi(0x9a),
    expect "SIPI_SIGNAL" { vector = 0x9a, activity = "wait_for_sipi" },
  },
}
