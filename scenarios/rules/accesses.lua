-- What a processor checks of a data access before paging: limits, rights and null selectors outside 64-bit mode, alignment, canonical addresses.
local function fault(name, mode, vector, code, more)
  local t = { name = name, mode = mode, exception_bitmap = { vector }, guest = asm(code),
              steps = { expect "EXCEPTION_NMI" { vector = vector, error_code = 0, rip = "b" } } }
  for key, value in pairs(more or {}) do t[key] = value end
  return scenario(t)
end
local GP, SS, AC = 13, 12, 17

return {
  fault("real-mode-ends-at-64-kib", "real", GP, [[
            mov bx, 0xffff
      b:    mov [bx], ax
            vmcall
    ]], { steps = { expect "EXCEPTION_NMI" { vector = GP, rip = "b" } } }),
  fault("a-stack-faults-as-a-stack", "real", SS, [[
            mov sp, 1
      b:    push ax
            vmcall
    ]], { steps = { expect "EXCEPTION_NMI" { vector = SS, rip = "b" } } }),
  fault("a-null-selector-cannot-be-used", "protected", GP, [[
            xor eax, eax
            mov es, eax
      b:    mov [es:0x9000], al
            vmcall
    ]]),
  fault("a-limit-in-protected-mode", "protected", GP, [[
            mov al, [fs:0x0fff]
      b:    mov ax, [fs:0x0fff]
            vmcall
    ]], { vmcs = { GUEST_FS_LIMIT = 0xfff, GUEST_FS_AR_BYTES = 0x4093 } }),
  fault("code-cannot-be-written", "protected", GP, [[
            mov al, [cs:0x9000]
      b:    mov [cs:0x9000], al
            vmcall
    ]]),
  fault("a-read-only-segment", "protected", GP, [[
            mov al, [gs:0x9000]
      b:    mov [gs:0x9000], al
            vmcall
    ]], { vmcs = { GUEST_GS_AR_BYTES = 0xc091 } }),
  fault("a-segment-that-grows-down", "protected", GP, [[
            mov al, [fs:0x9000]
      b:    mov al, [fs:0x8fff]
            vmcall
    ]], { vmcs = { GUEST_FS_LIMIT = 0x8fff, GUEST_FS_AR_BYTES = 0x4097 } }),
  fault("the-end-of-a-code-segment", "protected", GP, [[
            jmp b
            times 8 nop
      b:    mov eax, 0x12345678
      e:    vmcall
    ]], { vmcs = { GUEST_CS_LIMIT = 0x800d, GUEST_CS_AR_BYTES = 0x409b } }),
  fault("a-vector-that-is-not-aligned", "long", GP, [[
            mov rax, cr4
            or eax, 0x200
            mov cr4, rax
            movups xmm0, [0x9001]
      b:    movaps xmm0, [0x9008]
            vmcall
    ]]),
  fault("a-user-who-asks-for-alignment", "long", AC, [[
            push 0x33
            push 0x50000
            push 0x40002
            push 0x2b
            push user
            mov rax, cr0
            or eax, 0x40000
            mov cr0, rax
            iretq
      user: mov eax, [0x9004]
      b:    mov eax, [0x9002]
            vmcall
    ]], { memory = { [0x1028] = { 0xff, 0xff, 0, 0, 0, 0xfb, 0xaf, 0 } }, steps = { expect "EXCEPTION_NMI" { vector = AC, error_code = 0, rip = "b" } } }),
  fault("an-address-that-is-not-canonical", "long", GP, [[
            mov rax, 0x0000800000000000
      b:    mov [rax], al
            vmcall
    ]]),
  fault("a-stack-that-is-not-canonical", "long", SS, [[
            mov rbp, 0x0000800000000000
      b:    mov [rbp], al
            vmcall
    ]]),
  fault("a-push-that-is-not-canonical", "long", SS, [[
            mov rsp, 0x0000800000000008
      b:    push rax
            vmcall
    ]]),
}
