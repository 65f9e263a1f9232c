-- Exceptions of real-address mode have no error code, whatever their vector.
return scenario {
  name             = "error-code",
  mode             = "real",
  exception_bitmap = { "#GP" },
  policy           = { exceptions = "stop" },
  guest            = asm "here: sysenter",
  steps            = { expect "EXCEPTION_NMI" { rip = "here", interruption_info = 0x8000030d } },
}
