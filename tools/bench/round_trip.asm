; A hypervisor of one screen: enters a 64-bit guest that executes VMCALL in a loop, reads reason, length and RIP at each exit, moves RIP on and
; resumes. After ROUNDS exits it says so on COM1 and ends the machine. ROUNDS is defined by whoever assembles this.
bits 32
org 0x100000
image:  dd 0x1badb002, 0x10003, -(0x1badb002 + 0x10003), image, image, 0, end, start

%macro field 2                          ; VMCS field, value
        mov eax, %1
        mov rbx, %2
        vmwrite rax, rbx
        jbe failed
%endmacro
%macro shared 3                         ; a value that host and guest have in common: register, guest field, host field
        mov rbx, %1
        mov eax, %2
        vmwrite rax, rbx
        mov eax, %3
        vmwrite rax, rbx
%endmacro
%macro controls 3                       ; capability MSR, wanted bits, field
        mov ecx, %1
        rdmsr
        or eax, %2
        and eax, edx
        mov ebx, eax
        mov eax, %3
        vmwrite rax, rbx
%endmacro

start:  mov esp, 0x80000
        mov ecx, 0x3a                   ; IA32_FEATURE_CONTROL
        rdmsr
        test al, 1
        jnz locked
        or al, 5
        wrmsr
locked: mov edi, 0x200000               ; 1 GiB mapped one to one
        mov dword [edi], 0x201003
        mov dword [edi + 0x1000], 0x83
        mov cr3, edi
        mov eax, cr4
        or eax, 0x2020                  ; PAE, VMXE
        mov cr4, eax
        mov ecx, 0xc0000080
        mov eax, 0x100
        xor edx, edx
        wrmsr
        mov eax, 0x80000031
        mov cr0, eax
        lgdt [gdtr]
        jmp 8:long_mode
align 8
gdt:    dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x0000890000000067, 0
gdtr:   dw 39
        dd gdt

bits 64
long_mode:
        mov ax, 16
        mov ss, ax
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ax, 24
        ltr ax
        mov ecx, 0x480
        rdmsr
        and eax, 0x7fffffff
        mov [0x300000], eax
        mov [0x301000], eax
        vmxon [vmxon_at]
        jbe failed
        vmclear [vmcs_at]
        vmptrld [vmcs_at]
        jbe failed
        controls 0x481, 0, 0x4000
        controls 0x482, 0, 0x4002
        controls 0x483, 0x200, 0x400c
        controls 0x484, 0x200, 0x4012
        field 0x2800, -1                ; link pointer
        shared cr0, 0x6800, 0x6c00
        shared cr3, 0x6802, 0x6c02
        shared cr4, 0x6804, 0x6c04
%assign selector 0
%rep 6                                  ; ES CS SS DS FS GS
        shared (selector == 2) * 8 + (selector != 2) * 16, 0x800 + selector, 0xc00 + selector
        field 0x4800 + selector, 0xffffffff
        field 0x4814 + selector, (selector == 2) * 0xa09b + (selector != 2) * 0xc093
%assign selector selector + 2
%endrep
        field 0x080e, 24                ; TR
        field 0x0c0c, 24
        field 0x480e, 0x67
        field 0x4822, 0x8b
        field 0x4820, 0x10000           ; no LDTR
        field 0x681a, 0x400             ; DR7
        field 0x681c, 0x90000
        field 0x681e, guest
        field 0x6820, 2
        field 0x6c14, 0x7f000
        field 0x6c16, exit
        mov r15d, ROUNDS
        vmlaunch
failed: mov al, 'F'
        jmp finish
exit:   mov eax, 0x4402                 ; exit reason
        vmread rbx, rax
        cmp ebx, 18
        jne failed
        mov eax, 0x440c                 ; instruction length
        vmread rcx, rax
        mov eax, 0x681e
        vmread rbx, rax
        add rbx, rcx
        vmwrite rax, rbx
        dec r15d
        jz done
        vmresume
        jmp failed
done:   mov al, 'D'
finish: mov ah, al
        mov dx, 0x3fb
        mov al, 3                       ; 8 data bits, no parity, 1 stop bit
        out dx, al
        mov dx, 0x3f8
        mov al, ah
        out dx, al
        mov dx, 0x3fd
drain:  in al, dx
        test al, 0x40
        jz drain
        mov esi, word_
        mov ecx, 8
        mov dx, 0x8900
        rep outsb
        hlt
guest:  vmcall
        jmp guest
word_:  db "Shutdown"
align 8
vmxon_at: dq 0x300000
vmcs_at: dq 0x301000
end:
