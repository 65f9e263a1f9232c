-- INVPCID exits with INVLPG exiting, once it is enabled; the privilege level is looked at before.
local controls = { primary = { "invlpg_exiting" }, secondary = { "enable_invpcid" } }
return {
  scenario {
    name     = "invpcid",
    controls = controls,
    guest    = asm [[
              mov eax, 2
        here: invpcid rax, [0x9000]
              vmcall
    ]],
    steps = {
      expect "INVPCID" { rip = "here", qualification = 0x9000, instruction_info = { value = 0, mask = 0xf0000000 } },
      expect "VMCALL" {},
    },
  },
  scenario {
    name             = "invpcid-of-a-user",
    controls         = controls,
    vmcs             = { GUEST_CS_SELECTOR = 0x2b, GUEST_CS_AR_BYTES = 0xa0fb, GUEST_SS_SELECTOR = 0x33, GUEST_SS_AR_BYTES = 0xc0f3 },
    exception_bitmap = { "#GP" },
    policy           = { exceptions = "stop" },
    guest            = asm [[
              mov eax, 2
        here: invpcid rax, [0x9000]
    ]],
    steps = { expect "EXCEPTION_NMI" { rip = "here", vector = "#GP", error_code = 0 } },
  },
}
