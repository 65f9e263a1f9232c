-- The memory mix that `vmxbench bench` times: sieve, copy, hash. R14 counts the rounds; the guest halts at the end.
return scenario {
  name      = "bench-mix",
  mode      = "long",
  guest_ram = 0x200000,
  registers = { r14 = 1000 },
  guest     = asm [[
        round:  mov edi, 0x100000
                mov ecx, 8192
        fill:   mov byte [rdi], 1
                inc rdi
                dec ecx
                jnz fill
                mov esi, 2
        sieve:  cmp byte [rsi + 0x100000], 0
                je next
                inc r15d
                lea edi, [rsi + rsi]
                cmp edi, 8192
                jae next
        strike: mov byte [rdi + 0x100000], 0
                add edi, esi
                cmp edi, 8192
                jb strike
        next:   inc esi
                cmp esi, 8192
                jb sieve
                xor ecx, ecx
        copy:   mov rax, [rcx + 0x102000]
                mov [rcx + 0x104000], rax
                add ecx, 8
                cmp ecx, 4096
                jb copy
                xor ecx, ecx
                mov eax, r15d
        hash:   mov edx, eax
                ror edx, 2
                mov ebx, eax
                ror ebx, 13
                xor edx, ebx
                mov ebx, eax
                ror ebx, 22
                xor edx, ebx
                add edx, [rcx * 4 + 0x102000]
                add edx, r9d
                mov r9d, r8d
                mov r8d, eax
                lea eax, [rdx + r9]
                inc ecx
                cmp ecx, 512
                jb hash
                mov ecx, r14d
                and ecx, 1023
                mov [rcx * 4 + 0x104000], eax
                dec r14
                jnz round
                hlt
  ]],
  steps = {},
  rest  = "any",
  limit = 4000000000,
}
