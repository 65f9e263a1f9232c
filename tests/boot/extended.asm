; SPDX-License-Identifier: GPL-2.0-or-later
; State components in every host mode: XGETBV, XSETBV, XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS; areas, headers, faults.
; SDM 1, "Managing State Using the XSAVE Feature Set".
%include "kernel.inc"
AREA            equ 0x400000
HEADER          equ AREA + 512
BEYOND          equ AREA + 576
EDGE            equ UNMAPPED - 512      ; an area that begins here ends where nothing is
READ_ONLY       equ 0x600000
RAN             equ 0x8d5
NM              equ FAULT(7, 0)
AC              equ FAULT(17, 0)
IA32_XSS        equ 0xda0

; NASM has RDPKRU and WRPKRU for 64-bit code alone.
%macro read_keys 0
        db 0x0f, 0x01, 0xee
%endmacro
%macro write_keys 0
        db 0x0f, 0x01, 0xef
%endmacro
; The instructions with a mask of components in EAX; EDX is 0.
%macro masked 2+
        mov eax, %1
        mov edx, 0
        %2
%endmacro
%macro fill 0
        mov edi, AREA
        mov ecx, 4096 / 4
        mov eax, 0xcccccccc
        rep stosd
%endmacro
%macro header 3         ; XSTATE_BV, XCOMP_BV bits 31:0 and 63:32
        fill
        mov edi, HEADER
        mov ecx, 16
        xor eax, eax
        rep stosd
        mov dword [HEADER], %1
        mov dword [HEADER + 8], %2
        mov dword [HEADER + 12], %3
%endmacro

main:   mov eax, 1
        xor ecx, ecx
        cpuid
        test ecx, 1 << 26
        jnz .has
        ret
.has:   expect "XGETBV, CR4.OSXSAVE = 0", UD, xgetbv
        expect "XSETBV, CR4.OSXSAVE = 0", UD, xsetbv
        expect "XSAVE, CR4.OSXSAVE = 0", UD, xsave [AREA]
        expect "XRSTOR, CR4.OSXSAVE = 0", UD, xrstor [AREA]
        expect "XSAVES, CR4.OSXSAVE = 0", UD, xsaves [AREA]
        mov zax, cr4
        or eax, 0x40600
        mov cr4, zax
        mov eax, 0xd
        mov ecx, 1
        cpuid
        mov [features], eax
        mov eax, 0xd
        xor ecx, ecx
        cpuid
        and eax, 0x200
        mov [keys], eax
        or eax, 3
        mov [all], eax
        xor ecx, ecx
        xor edx, edx
        expect "XSETBV", RAN, xsetbv
        call controls
        call contents
        call standard
        call privileges
        call optimized
        test byte [features], 2
        jz .no_compacted
        call compacted
.no_compacted:
        test byte [features], 8
        jz .no_supervisor
        call supervisor
        ret
.no_supervisor:
        expect "XSAVES, not offered", UD, xsaves [AREA]
        expect "XRSTORS, not offered", UD, xrstors [AREA]
        ret

; ---- XCR0 ----
controls:
        xor ecx, ecx
        expect "XGETBV", RAN, xgetbv
        and eax, 3
        expect_value "XCR0", 3, eax
        mov ecx, 2
        expect "XGETBV, ECX = 2", GP, xgetbv
        xor ecx, ecx
        xor edx, edx
        mov eax, 2
        expect "XSETBV without x87", GP, xsetbv
        mov eax, 3
        mov edx, 0x80000000
        expect "XSETBV, bit 63", GP, xsetbv
        mov ecx, 1
        xor edx, edx
        expect "XSETBV, ECX = 1", GP, xsetbv
        test byte [features], 4
        jnz .in_use
        expect "XGETBV, ECX = 1, not offered", GP, xgetbv
        ret
.in_use:
        fninit
        xorps xmm0, xmm0
        xorps xmm1, xmm1
        xorps xmm2, xmm2
        xorps xmm3, xmm3
        xorps xmm4, xmm4
        xorps xmm5, xmm5
        xorps xmm6, xmm6
        xorps xmm7, xmm7
%if HOST = 64
        xorps xmm8, xmm8
        xorps xmm9, xmm9
        xorps xmm10, xmm10
        xorps xmm11, xmm11
        xorps xmm12, xmm12
        xorps xmm13, xmm13
        xorps xmm14, xmm14
        xorps xmm15, xmm15
%endif
        header 0, 0, 0
        mov dword [AREA + 24], 0x1f80
        expect "everything initial", RAN, masked -1, xrstor [AREA]
        mov ecx, 1
        expect "XGETBV, nothing in use", RAN, xgetbv
        expect_value "XINUSE", 0, eax
        pcmpeqd xmm3, xmm3
        expect "XGETBV, SSE in use", RAN, xgetbv
        expect_value "XINUSE", 2, eax
        fld1
        expect "XGETBV, x87 and SSE in use", RAN, xgetbv
        expect_value "XINUSE", 3, eax
        fstp st0
        ret

; What is saved: pi above 1 on the stack of x87, XMM0 and XMM7, MXCSR.
contents:
        fninit
        mov word [scratch], 0x27f
        fldcw [scratch]
        fld1
        fldpi
        mov dword [scratch], 0x1f00
        ldmxcsr [scratch]
        pcmpeqd xmm0, xmm0
        movd xmm7, [pattern]
        ret

standard:
        fill
        expect "XSAVE of all", RAN, masked -1, xsave [AREA]
        expect_value "FCW and FSW", 0x3000027f, [AREA]
        movzx eax, byte [AREA + 4]
        expect_value "FTW", 0xc0, eax
        expect_value "ST0", 0xc90fdaa2, [AREA + 36]
        expect_value "its exponent", 0x4000, [AREA + 40]
        expect_value "what is reserved behind it", 0, [AREA + 44]
        expect_value "ST1", 0x80000000, [AREA + 52]
        expect_value "MXCSR", 0x1f00, [AREA + 24]
        expect_value "MXCSR_MASK", 0xffff, [AREA + 28]
        expect_value "XMM0", -1, [AREA + 160]
        expect_value "XMM7", 0x5a6b7c8d, [AREA + 160 + 7 * 16]
%if HOST = 64
        expect_value "XMM8", 0, [AREA + 160 + 8 * 16]
%else
        expect_value "no XMM8", 0xcccccccc, [AREA + 160 + 8 * 16]
%endif
        expect_value "the legacy region's end", 0xcccccccc, [AREA + 416]
        mov eax, [HEADER]
        and eax, 3
        expect_value "XSTATE_BV", 3, eax
        expect_value "XCOMP_BV is left", 0xcccccccc, [HEADER + 8]
        expect_value "what is reserved is left", 0xcccccccc, [HEADER + 16]
        fill
        mov dword [HEADER], 0
        expect "XSAVE of x87", RAN, masked 1, xsave [AREA]
        expect_value "no MXCSR", 0xcccccccc, [AREA + 24]
        expect_value "no XMM0", 0xcccccccc, [AREA + 160]
        expect_value "XSTATE_BV", 1, [HEADER]
        fill
        expect "XSAVE of nothing", RAN, masked 0, xsave [AREA]
        expect_value "FCW is left", 0xcccccccc, [AREA]
        expect_value "XSTATE_BV is left", 0xcccccccc, [HEADER]
        header 3, 0, 0
        mov dword [AREA], 0x37f
        mov byte [AREA + 4], 0
        mov dword [AREA + 24], 0x1f80
        mov dword [AREA + 160], 0x12345678
        expect "XRSTOR", RAN, masked 3, xrstor [AREA]
        movd eax, xmm0
        expect_value "XMM0", 0x12345678, eax
        stmxcsr [scratch]
        expect_value "MXCSR", 0x1f80, [scratch]
        fnstcw [scratch]
        movzx eax, word [scratch]
        expect_value "FCW", 0x37f, eax
        fnstsw ax
        movzx eax, ax
        expect_value "FSW", 0, eax
        header 0, 0, 0
        mov dword [AREA + 24], 0x1fa0
        pcmpeqd xmm0, xmm0
        expect "XRSTOR of what XSTATE_BV lacks", RAN, masked 2, xrstor [AREA]
        movd eax, xmm0
        expect_value "XMM0 is initial", 0, eax
        stmxcsr [scratch]
        expect_value "MXCSR is loaded", 0x1fa0, [scratch]
        mov dword [AREA + 24], 0x11f80
        expect "XRSTOR, MXCSR with a reserved bit", GP, masked 2, xrstor [AREA]
        expect "the same without SSE", RAN, masked 1, xrstor [AREA]
        mov dword [AREA + 24], 0x1f80
        mov dword [HEADER], 4 << 28
        expect "XRSTOR, XSTATE_BV beyond XCR0", GP, masked 1, xrstor [AREA]
        header 3, 0x1, 0
        expect "XRSTOR, XCOMP_BV of a standard area", GP, masked 1, xrstor [AREA]
        header 3, 0, 0
        mov dword [HEADER + 16], 1
        expect "XRSTOR, bytes 23:16 of the header", GP, masked 1, xrstor [AREA]
        header 3, 0, 0
        mov byte [AREA + 4], 0
        mov dword [AREA], 0x37f
        mov dword [HEADER + 24], 1
        expect "XRSTOR, bytes 63:24 of a standard header", RAN, masked 1, xrstor [AREA]
        expect "XSAVE, not on 64 bytes", GP, masked 3, xsave [AREA + 32]
        expect "XRSTOR, not on 64 bytes", GP, masked 3, xrstor [AREA + 32]
        expect "XSAVE beyond memory", FAULT(PF, 2), masked 3, xsave [UNMAPPED]
        expect "XRSTOR beyond memory", FAULT(PF, 0), masked 3, xrstor [UNMAPPED]
        expect "XRSTOR, the header beyond memory", FAULT(PF, 0), masked 3, xrstor [EDGE]
        mov zax, cr2
        expect_value "CR2", UNMAPPED, eax
        mov zax, cr0
        or eax, 8
        mov cr0, zax
        expect "XSAVE, CR0.TS = 1", NM, masked 3, xsave [AREA]
        expect "XRSTOR, CR0.TS = 1", NM, masked 3, xrstor [AREA]
        expect "XSAVE, not on 64 bytes, CR0.TS = 1", NM, masked 3, xsave [AREA + 32]
        clts
        ret

privileges:
        header 3, 0, 0
        mov byte [AREA + 4], 0
        mov dword [AREA], 0x37f
        mov dword [AREA + 24], 0x1f80
        expect_user "XSAVE in ring 3", UD, masked 3, xsave [AREA]
        expect_user "XRSTOR in ring 3", UD, masked 3, xrstor [AREA]
        xor ecx, ecx
        expect_user "XGETBV in ring 3", UD, xgetbv
        expect_user "XSETBV in ring 3", GP, xsetbv
        test dword [keys], -1
        jz .no_keys
        mov zax, cr4
        or eax, 1 << 22
        mov cr4, zax
        xor ecx, ecx
        xor edx, edx
        mov eax, 0xc
        write_keys
        fill
        expect "XSAVE of PKRU", RAN, masked 0x200, xsave [AREA]
        expect_value "PKRU", 0xc, [AREA + 2688]
        expect_value "PKRU's upper half", 0, [AREA + 2692]
        header 0, 0, 0
        expect "XRSTOR of PKRU, initial", RAN, masked 0x200, xrstor [AREA]
        xor ecx, ecx
        read_keys
        expect_value "PKRU", 0, eax
        mov dword [HEADER], 0x200
        mov dword [AREA + 2688], 0x30
        mov dword [AREA + 2692], 0
        expect "XRSTOR of PKRU", RAN, masked 0x200, xrstor [AREA]
        xor ecx, ecx
        read_keys
        expect_value "PKRU", 0x30, eax
        xor eax, eax
        xor edx, edx
        write_keys
.no_keys:
        ret

optimized:
        test byte [features], 1
        jnz .has
        expect "XSAVEOPT, not offered", UD, xsaveopt [AREA]
        ret
.has:   header 0, 0, 0
        mov dword [AREA + 24], 0x1f80
        expect "initial x87 and SSE", RAN, masked 3, xrstor [AREA]
        pcmpeqd xmm1, xmm1
        fill
        mov dword [HEADER], 0
        expect "XSAVEOPT with initial x87", RAN, masked 3, xsaveopt [AREA]
        expect_value "x87 is not saved", 0xcccccccc, [AREA]
        expect_value "XMM1", -1, [AREA + 176]
        expect_value "XSTATE_BV", 2, [HEADER]
        ret

compacted:
        call contents
        fill
        expect "XSAVEC of all", RAN, masked -1, xsavec [AREA]
        mov eax, [HEADER]
        and eax, 3
        expect_value "XSTATE_BV", 3, eax
        mov eax, [HEADER + 8]
        and eax, ~0xe4                  ; what Bochs' models have besides
        mov edx, [all]
        expect_value "XCOMP_BV is XCR0", edx, eax
        expect_value "bit 63 of it", 0x80000000, [HEADER + 12]
        expect_value "what is reserved is left", 0xcccccccc, [HEADER + 16]
        expect_value "FCW and FSW", 0x3000027f, [AREA]
        expect_value "MXCSR", 0x1f00, [AREA + 24]
        expect_value "XMM0", -1, [AREA + 160]
        expect "XRSTOR of it, x87", RAN, fninit
        mov dword [HEADER + 16], 0
        mov edi, HEADER + 16
        mov ecx, 12
        xor eax, eax
        rep stosd
        expect "XRSTOR of a compacted area", RAN, masked 1, xrstor [AREA]
        fnstcw [scratch]
        movzx eax, word [scratch]
        expect_value "FCW", 0x27f, eax
        header 0, 3, 0x80000000
        mov dword [AREA + 24], 0x11f80
        expect "XRSTOR, SSE initial: MXCSR is not looked at", RAN, masked 3, xrstor [AREA]
        stmxcsr [scratch]
        expect_value "MXCSR is initial with it", 0x1f80, [scratch]
        header 2, 1, 0x80000000
        expect "XRSTOR, XSTATE_BV beyond XCOMP_BV", GP, masked 1, xrstor [AREA]
        header 0, 1 << 30, 0x80000000
        expect "XRSTOR, XCOMP_BV beyond XCR0", GP, masked 1, xrstor [AREA]
        header 0, 3, 0x80000000
        mov dword [HEADER + 56], 1
        expect "XRSTOR, bytes 63:16 of a compacted header", GP, masked 1, xrstor [AREA]
        mov dword [scratch], 0x1fa0
        ldmxcsr [scratch]
        fill
        expect "XSAVEC, MXCSR alone is not initial", RAN, masked 3, xsavec [AREA]
        expect_value "XSTATE_BV", 2, [HEADER]
        expect_value "MXCSR", 0x1fa0, [AREA + 24]
        expect_value "x87 is not saved", 0xcccccccc, [AREA]
        expect "XSAVEC, not on 64 bytes", GP, masked 3, xsavec [AREA + 32]
        expect "XSAVEC beyond memory", FAULT(PF, 2), masked 3, xsavec [UNMAPPED]
        expect_user "XSAVEC in ring 3", UD, masked 3, xsavec [AREA]
        test dword [keys], -1
        jz .no_keys
        xor ecx, ecx
        xor edx, edx
        mov eax, 0x300
        write_keys
        fill
        expect "XSAVEC of PKRU", RAN, masked 0x200, xsavec [AREA]
        expect_value "PKRU behind the header", 0x300, [BEYOND]
        expect_value "XSTATE_BV", 0x200, [HEADER]
        expect_value "XCOMP_BV", 0x200, [HEADER + 8]
        xor ecx, ecx
        xor edx, edx
        xor eax, eax
        write_keys
        fill
        expect "XSAVEC of initial PKRU", RAN, masked 0x200, xsavec [AREA]
        expect_value "nothing behind the header", 0xcccccccc, [BEYOND]
        expect_value "XSTATE_BV", 0, [HEADER]
        header 0x200, 0x200, 0x80000000
        mov dword [BEYOND], 0x3000
        mov dword [BEYOND + 4], 0
        expect "XRSTOR of compacted PKRU", RAN, masked 0x200, xrstor [AREA]
        xor ecx, ecx
        read_keys
        expect_value "PKRU", 0x3000, eax
        xor eax, eax
        xor edx, edx
        write_keys
.no_keys:
        ret

supervisor:
        mov ecx, IA32_XSS
        expect "RDMSR of IA32_XSS", RAN, rdmsr
        mov eax, 1
        xor edx, edx
        expect "WRMSR of IA32_XSS, bit 0", GP, wrmsr
        call contents
        fill
        expect "XSAVES", RAN, masked 3, xsaves [AREA]
        expect_value "XSTATE_BV", 3, [HEADER]
        expect_value "XCOMP_BV", 3, [HEADER + 8]
        expect_value "bit 63 of it", 0x80000000, [HEADER + 12]
        expect_value "FCW and FSW", 0x3000027f, [AREA]
        expect_user "XSAVES in ring 3", GP, masked 3, xsaves [AREA]
        expect_user "XRSTORS in ring 3", GP, masked 3, xrstors [AREA]
        expect "XSAVES, not on 64 bytes", GP, masked 3, xsaves [AREA + 32]
        expect "XRSTORS, not on 64 bytes", GP, masked 3, xrstors [AREA + 32]
        header 0, 3, 0x80000000
        mov dword [AREA + 24], 0x1f80
        expect "XRSTORS, everything initial", RAN, masked 3, xrstors [AREA]
        fnstcw [scratch]
        movzx eax, word [scratch]
        expect_value "FCW", 0x37f, eax
        movd eax, xmm0
        expect_value "XMM0", 0, eax
        stmxcsr [scratch]
        expect_value "MXCSR", 0x1f80, [scratch]
        header 0, 3, 0
        expect "XRSTORS of a standard area", GP, masked 3, xrstors [AREA]
        header 2, 1, 0x80000000
        expect "XRSTORS, XSTATE_BV beyond XCOMP_BV", GP, masked 3, xrstors [AREA]
        header 0, 3, 0x80000000
        mov dword [HEADER + 16], 1
        expect "XRSTORS, bytes 63:16 of the header", GP, masked 3, xrstors [AREA]
        header 0, 3, 0x80000000
        mov byte [HEADER + 63], 1
        expect "XRSTORS, byte 63 of the header", GP, masked 3, xrstors [AREA]
        header 0, 3, 0xc0000000
        expect "XRSTORS, bit 62 of XCOMP_BV", GP, masked 3, xrstors [AREA]
        header 0, 0x103, 0x80000000     ; component 8 is Intel PT's, which nobody here has
        expect "XRSTORS, a component of nobody in XCOMP_BV", GP, masked 3, xrstors [AREA]
        header 1, 3, 0x80000000
        mov dword [HEADER + 4], 0x40000000
        expect "XRSTORS, bit 62 of XSTATE_BV", GP, masked 3, xrstors [AREA]
        header 2, 3, 0x80000000
        mov dword [AREA + 24], 0xffff0000
        expect "XRSTORS, reserved bits of MXCSR", GP, masked 3, xrstors [AREA]
        header 2, 3, 0x80000000
        mov dword [AREA + 24], 0xffff0000
        expect "XRSTORS, reserved bits of MXCSR, SSE not asked for", RAN, masked 1, xrstors [AREA]
        header 0, 3, 0
        expect "XRSTORS of a standard area, nothing asked for", GP, masked 0, xrstors [AREA]
        expect "XRSTORS from nowhere", FAULT(PF, 0), masked 3, xrstors [UNMAPPED]
        expect "XRSTORS from nowhere, not on 64 bytes", GP, masked 3, xrstors [UNMAPPED + 32]
        expect "XSAVES to nowhere, not on 64 bytes", GP, masked 3, xsaves [UNMAPPED + 32]
        expect "XSAVES of a register", UD, db 0x0f, 0xc7, 0xe8
        expect "XRSTORS of a register", UD, db 0x0f, 0xc7, 0xd8
        header 2, 3, 0x80000000
        mov dword [AREA + 24], 0x1f80
        expect "XRSTORS", RAN, masked 3, xrstors [AREA]
        mov zax, cr0
        or eax, 8
        mov cr0, zax
        expect "XSAVES, CR0.TS = 1", NM, masked 3, xsaves [AREA]
        clts
        ret

align 8
scratch:        dq 0
pattern:        dd 0x5a6b7c8d
features:       dd 0
keys:           dd 0
all:            dd 0
