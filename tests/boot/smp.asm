; SPDX-License-Identifier: GPL-2.0-or-later
; A hypervisor on every processor: start-up by INIT and SIPI, guests side by side, a VMCS that moves, interprocessor interrupts of all kinds.
; SDM 3A, "Multiple-Processor (MP) Initialization"; SDM 3C, "Migrating VMCS Data", "INIT Signal", "Start-Up IPIs", "Posted-Interrupt Processing".
%include "kernel.inc"
%include "vmcs.inc"
TRAMPOLINE      equ 0x8000
CPUS            equ 0x400000            ; a block for each processor
BLOCK           equ 0x4000
BLOCK_VMCS      equ 0x1000              ; behind the VMXON region
BLOCK_POINTERS  equ 0x2000              ; of the two
BLOCK_JOB       equ 0x2010              ; what it is to do; 0: nothing
BLOCK_EXITS     equ 0x2018
BLOCK_GUEST     equ 0x201c              ; what its guest has counted
BLOCK_LAUNCHED  equ 0x2020
BLOCK_NUMBER    equ 0x2024              ; which processor it is
BLOCK_HITS      equ 0x2028              ; interrupts that its guest was sent
BLOCK_WRONG     equ 0x202c              ; turns without the token
BLOCK_EARLIER   equ 0x2030              ; turns whose time was before that of the turn before
VAPIC           equ 0x360000
DESCRIPTOR      equ 0x362000
MSR_BITMAPS     equ 0x350000
ROUNDS          equ 300
TURNS           equ 40
KICK            equ 0x61
NOTIFY          equ 0xf2
POSTED          equ 0x81
NEXT            equ 0x82
ICR             equ 0x300
SVR             equ 0xf0
EOI             equ 0xb0
INIT            equ 0x4500
SIPI            equ 0x4600 + TRAMPOLINE / 0x1000
NMI             equ 0x4400
FIXED           equ 0x4000

main:   mov esi, trampoline
        mov edi, TRAMPOLINE
        mov ecx, trampoline_end - trampoline
        rep movsb
        mov ebp, CPUS
        call own_vmx_on
        mov edi, LOCAL_APIC
        mov dword [zdi + SVR], 0x1ff
        mov edi, idt + POSTED * 2 * Z
        mov esi, guest_posted
        call gate
        mov edi, idt + NEXT * 2 * Z
        mov esi, guest_hit
        call gate
        call start_others
        call side_by_side
        cmp dword [cpus], 1
        je .done
        call ring
        call moving
        call kicks
        call inits
        call posting
.done:  ret

; The gate at DI leads to ESI.
gate:   mov [zdi], si
        mov word [zdi + 2], CODE
        mov dword [zdi + 4], 0x8e00
        shr esi, 16
        mov [zdi + 6], si
        ret

; ---- processors ----
bits 16
trampoline:
        cli
        lgdt [cs:.gdt - trampoline]
        mov eax, cr0
        and eax, 0x9fffffff
        or al, 1
        mov cr0, eax
        jmp dword COMPATIBLE:started
.gdt:   dw gdt_end - gdt - 1
        dd gdt
trampoline_end:
bits 32
started:
        mov ax, DATA
        mov ds, ax
        mov ss, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov eax, TABLES
        mov cr3, eax
        mov eax, cr4
%if HOST = 32
        or eax, 0x10
%else
        or eax, 0x20
%endif
        mov cr4, eax
%if HOST = 64
        mov ecx, EFER
        rdmsr
        or eax, 0x100
        wrmsr
%endif
        mov eax, cr0
        or eax, 0x80000020
        mov cr0, eax
        lgdt [gdt_pointer]
        jmp CODE:in_mode_too
%if HOST = 64
bits 64
%endif
in_mode_too:
        mov ax, DATA
        mov ds, ax
        mov ss, ax
        lidt [idt_pointer]
        mov edi, LOCAL_APIC
        mov ebp, [zdi + 0x20]
        mov eax, [zdi + SVR]
        mov [svr_of_start], eax
        mov dword [zdi + SVR], 0x1ff
        shr ebp, 24
        shl ebp, 14
        add ebp, CPUS
        lea zsp, [zbp + BLOCK]
        lock inc dword [alive]
.wait:  mov eax, [zbp + BLOCK_JOB]
        pause
        test eax, eax
        jz .wait
        push zbp
        call zax
        pop zbp
        mov dword [zbp + BLOCK_JOB], 0
        jmp .wait

; VMX operation of the processor with the block at BP.
own_vmx_on:
        mov ecx, 0x3a
        rdmsr
        test al, 1
        jnz .locked
        mov eax, 5
        xor edx, edx
        wrmsr
.locked:
        mov ecx, 0x480
        rdmsr
        and eax, 0x7fffffff
        mov [zbp], eax
        mov [zbp + BLOCK_VMCS], eax
        mov zax, cr4
        or eax, 0x2000
        mov cr4, zax
        mov [zbp + BLOCK_POINTERS], ebp
        lea eax, [zbp + BLOCK_VMCS]
        mov [zbp + BLOCK_POINTERS + 8], eax
        vmxon [zbp + BLOCK_POINTERS]
        ret

; The macros' VMCS is that of the block at BP.
take_vmcs:
        mov eax, [zbp + BLOCK_POINTERS + 8]
        mov [vmcs_pointer], eax
        ret

; An interrupt command: low half EAX, to processor EBX.
send:   mov edi, LOCAL_APIC
        shl ebx, 24
        mov [zdi + ICR + 16], ebx
        mov [zdi + ICR], eax
.wait:  test dword [zdi + ICR], 1 << 12
        jnz .wait
        ret
%macro send_to 2
        mov eax, %2
        mov ebx, %1
        call send
%endmacro

; Waits until memory has a value; so many times PAUSE at most.
%macro wait_for 2
        mov ecx, 200000
%%wait: pause
        cmp dword [%1], %2
        je %%there
        dec ecx
        jnz %%wait
        expect_value "waited in vain, it is", %2, [%1]
        jmp finish
%%there:
%endmacro

JOB_OF_1        equ CPUS + BLOCK + BLOCK_JOB
; Processor 1 does something; `done`: it has.
%macro job 1
        mov dword [ready], 0
        mov dword [JOB_OF_1], %1
%endmacro
%macro done 0
        wait_for JOB_OF_1, 0
%endmacro

start_others:
        mov dword [alive], 1
        mov dword [number], 1
.next:  mov eax, [number]
        cmp eax, [cpus]
        je .all
        send_to [number], INIT
        send_to [number], SIPI
        send_to [number], SIPI          ; nobody waits for this one
        inc dword [number]
        mov eax, [number]
        mov [wanted], eax
        mov ecx, 200000
.wait:  pause
        mov eax, [alive]
        cmp eax, [wanted]
        je .next
        dec ecx
        jnz .wait
.all:   mov edx, [cpus]
        expect_value "processors started", edx, [alive]
        ret

; ---- a guest on each, all at once ----
; Every processor does EDX, this one EBX.
all_do: mov dword [finished], 0
        mov dword [prepared], 0
        mov dword [number], 1
.next:  mov eax, [number]
        cmp eax, [cpus]
        je .own
        shl eax, 14
        mov dword [zax + CPUS + BLOCK_JOB], edx
        inc dword [number]
        jmp .next
.own:   mov ebp, CPUS
        call zbx
.wait:  pause
        mov eax, [finished]
        cmp eax, [cpus]
        jne .wait
        mov dword [number], 0
        ret

side_by_side:
        mov dword [total], 0
        mov dword [guest_of_all], guest_rounds
        mov dword [exits_of_all], ROUNDS
        mov edx, rounds
        mov ebx, rounds_on              ; this processor is in VMX operation already
        call all_do
.judge: mov eax, [number]
        shl eax, 14
        mov ecx, [zax + CPUS + BLOCK_GUEST]
        mov eax, [zax + CPUS + BLOCK_EXITS]
        mov [value], ecx
        expect_value "exits of a processor", ROUNDS, eax
        expect_value "what its guest has counted", ROUNDS, [value]
        inc dword [number]
        mov eax, [number]
        cmp eax, [cpus]
        jne .judge
        mov eax, [cpus]
        imul eax, eax, ROUNDS
        mov [value], eax
        mov edx, [value]
        expect_value "what all have counted together", edx, [total]
        ret

guest_rounds:
        inc dword [zbx + BLOCK_GUEST]
        lock inc dword [total]
        vmcall
        jmp guest_rounds

; A token goes round, from guest to guest, by shared memory and an interprocessor interrupt that ends the HLT of the next one. Time goes on from turn to turn.
ring:   mov dword [token], 0
        mov dword [guest_of_all], guest_in_ring
        mov dword [exits_of_all], 1
        mov edx, rounds_on
        mov ebx, rounds_on
        mov ecx, [cpus]
        mov edi, CPUS
        xor eax, eax
.clear: mov [zdi + BLOCK_NUMBER], eax
        mov dword [zdi + BLOCK_HITS], 0
        mov dword [zdi + BLOCK_WRONG], 0
        mov dword [zdi + BLOCK_EARLIER], 0
        add edi, BLOCK
        inc eax
        cmp eax, ecx
        jb .clear
        mov dword [CPUS + BLOCK_HITS], 1        ; the first has it
        call all_do
.judge: mov eax, [number]
        shl eax, 14
        mov ecx, [zax + CPUS + BLOCK_GUEST]
        mov [value], ecx
        mov ecx, [zax + CPUS + BLOCK_EARLIER]
        mov [earlier], ecx
        mov eax, [zax + CPUS + BLOCK_WRONG]
        expect_value "turns of its guest with the token elsewhere", 0, eax
        expect_value "turns of its guest before the turn before", 0, [earlier]
        expect_value "turns of its guest", TURNS, [value]
        inc dword [number]
        mov eax, [number]
        cmp eax, [cpus]
        jne .judge
        ret

guest_in_ring:
        cli
        mov eax, [zbx + BLOCK_GUEST]
        cmp eax, [zbx + BLOCK_HITS]
        jb .turn
        sti
        hlt
        jmp guest_in_ring
.turn:  inc dword [zbx + BLOCK_GUEST]
        rdtsc
        sub eax, [stamp]
        sbb edx, [stamp + 4]
        jnc .later
        inc dword [zbx + BLOCK_EARLIER]
.later: rdtsc
        mov [stamp], eax
        mov [stamp + 4], edx
        mov ecx, [zbx + BLOCK_NUMBER]
        cmp ecx, [token]
        je .right
        inc dword [zbx + BLOCK_WRONG]
.right: inc ecx
        cmp ecx, [cpus]
        jne .send
        xor ecx, ecx
        cmp dword [zbx + BLOCK_GUEST], TURNS
        je .end                         ; the last turn of all
.send:  mov [token], ecx
        mov edi, LOCAL_APIC
        shl ecx, 24
        mov [zdi + ICR + 16], ecx
        mov dword [zdi + ICR], FIXED + NEXT
        cmp dword [zbx + BLOCK_GUEST], TURNS
        jne guest_in_ring
.end:   vmcall
guest_hit:
        push zdi
        inc dword [zbx + BLOCK_HITS]
        mov edi, LOCAL_APIC
        mov dword [zdi + EOI], 0
        pop zdi
%if HOST = 64
        iretq
%else
        iretd
%endif

; The processor with the block at BP: its guest is that of all, up to so many exits.
rounds: call own_vmx_on
rounds_on:
.lock:  pause
        lock bts dword [locked], 0
        jc .lock
        call take_vmcs
        call plain
        push zbp
        call new_guest
        pop zbp
        mov ecx, [guest_of_all]
        write V_RIP, zcx
        write V_RFLAGS, 2
        write 0x6c16, .exited
        mov dword [locked], 0
        mov dword [zbp + BLOCK_EXITS], 0
        mov dword [zbp + BLOCK_GUEST], 0
        lock inc dword [prepared]
.all:   pause
        mov eax, [prepared]             ; the last one lets all go
        cmp eax, [cpus]
        jne .all
        push zbp
        mov zax, zsp
        mov zdx, 0x6c14
        vmwrite zdx, zax
        lea zax, [zsp - 0x200]
        mov zdx, V_RSP
        vmwrite zdx, zax
        mov zbx, zbp
        vmlaunch
        jmp .failed
.exited:
        mov zbp, [zsp]
        mov zbx, zbp
        mov zdx, V_REASON
        vmread zax, zdx
        cmp eax, 18
        jne .failed
        inc dword [zbp + BLOCK_EXITS]
        mov eax, [exits_of_all]
        cmp [zbp + BLOCK_EXITS], eax
        je .done
        mov zdx, V_RIP
        vmread zax, zdx
        add zax, 3
        vmwrite zdx, zax
        vmresume
.failed:
.done:  pop zbp
        lock inc dword [finished]
        ret

; ---- a VMCS that moves ----
guest_counts:
        mov eax, 0x100
.next:  inc eax
        vmcall
        jmp .next

moving: mov ebp, CPUS
        call take_vmcs
        call plain
        call new_guest
        guest_at guest_counts
        expect_entry "on processor 0", EXIT(18)
        expect_value "the guest's EAX", 0x101, [guest_ax]
        call skip
        write 0x482a, 0x55
        expect "VMCLEAR there", SUCCEED, vmclear [vmcs_pointer]
        job moved
        done
        expect "VMPTRLD on processor 0 again", SUCCEED, vmptrld [vmcs_pointer]
        expect_field "what processor 1 wrote", 0x482a, 0x66
        mov byte [launched], 1
        expect_entry "VMRESUME: VMCLEAR has made it clear", FAIL_VALID(5)
        mov byte [launched], 0
        expect_entry "on processor 0 again", EXIT(18)
        expect_value "where the guest was, it goes on", 0x101, 0x101
        ret
moved:  expect "VMPTRLD on processor 1", SUCCEED, vmptrld [vmcs_pointer]
        expect_field "what processor 0 wrote", 0x482a, 0x55
        expect_entry "VMRESUME there", FAIL_VALID(5)
        mov byte [launched], 0
        expect_entry "on processor 1", EXIT(18)
        expect_field "guest RSP", V_RSP, GUEST_STACK
        call skip
        write 0x482a, 0x66
        expect "VMCLEAR there", SUCCEED, vmclear [vmcs_pointer]
        ret

; ---- kicks ----
guest_spins:
        mov dword [ready], 1
        jmp $
guest_sleeps:
        mov dword [ready], 1
        hlt
        jmp guest_sleeps

%macro own_guest 2      ; pin controls, label: on processor 1
        mov ebp, CPUS + BLOCK
        call take_vmcs
        call plain
        mov dword [pin], %1
        mov dword [exit], 1 << 15
        call new_guest
        guest_at %2
        write V_RFLAGS, 0x202
%endmacro
%macro expect_event 2
        mov zdx, V_EVENT
        vmread zax, zdx
        and eax, 0x800007ff
        mov [value], eax
        expect_value %1, %2, [value]
%endmacro
%macro end_of_interrupt 0
        mov edi, LOCAL_APIC
        mov dword [zdi + EOI], 0
%endmacro

kicks:  job kicked
        wait_for ready, 1
        send_to 1, FIXED + KICK
        done
        job kicked_asleep
        wait_for ready, 1
        send_to 1, FIXED + KICK
        done
        job struck
        wait_for ready, 1
        send_to 1, NMI
        done
        job all_but_self
        wait_for ready, 1
        send_to 0, 0xc0000 + FIXED + KICK
        done
        ret
kicked: own_guest 1, guest_spins
        expect_entry "an interprocessor interrupt", EXIT(1)
        expect_event "interruption information", 0x80000000 + KICK
        end_of_interrupt
        ret
kicked_asleep:
        own_guest 1, guest_sleeps
        expect_entry "an interprocessor interrupt into HLT", EXIT(1)
        expect_field "activity state in HLT", V_ACTIVITY, 1
        end_of_interrupt
        ret
struck: own_guest 1 << 3, guest_spins
        expect_entry "an NMI of another processor", EXIT(0)
        expect_event "interruption information", 0x80000202
        call unblock
        ret
all_but_self:
        own_guest 1, guest_spins
        expect_entry "an interrupt to all but the sender", EXIT(1)
        expect_event "interruption information", 0x80000000 + KICK
        end_of_interrupt
        ret

; ---- INIT and SIPI ----
inits:  job signalled
        wait_for ready, 1
        send_to 1, INIT
        done
        job waiting
        wait_for ready, 1
        send_to 1, FIXED + KICK         ; wait-for-SIPI does not hear it
        send_to 1, 0x4600 + 0x9a
        done
        job in_root
        wait_for ready, 1
        send_to 1, INIT
        mov dword [ready], 2
        done
        job leaving
        wait_for ready, 1
        send_to 1, INIT
        send_to 1, SIPI                 ; root operation: nobody waits for it
        mov dword [alive], 0
        mov dword [ready], 2
        mov ecx, 1000
.while: pause
        dec ecx
        jnz .while
        expect_value "VMXOFF, and the INIT acts", 3, [ready]
        expect_value "the SIPI was lost", 0, [alive]
        mov dword [JOB_OF_1], 0
        send_to 1, SIPI
        wait_for alive, 1
        expect_value "SVR behind INIT", 0xff, [svr_of_start]
        job again
        done
        ret
signalled:
        own_guest 1, guest_spins
        expect_entry "INIT in non-root operation", EXIT(3)
        expect_field "its qualification", V_QUALIFICATION, 0
        expect_field "activity state", V_ACTIVITY, 0
        ret
waiting:
        own_guest 1, guest_spins
        write V_ACTIVITY, 3
        mov dword [ready], 1
        expect_entry "SIPI", EXIT(4)
        expect_field "its vector", V_QUALIFICATION, 0x9a
        expect_field "activity state behind SIPI", V_ACTIVITY, 3
        expect_field "blocking behind SIPI", V_BLOCKING, 0
        expect_field "RFLAGS behind SIPI", V_RFLAGS, 0x202
        write V_ACTIVITY, 0
        write V_BLOCKING, 0
        write V_RFLAGS, 0x202
        expect_entry "the interrupt that waited", EXIT(1)
        end_of_interrupt
        ret
in_root:
        own_guest 1, guest_spins
        mov dword [ready], 1
.wait:  pause
        cmp dword [ready], 2
        jne .wait
        expect_entry "INIT that root operation blocked", EXIT(3)
        expect_field "before the guest's first instruction", V_RIP, guest_spins
        ret
leaving:
        mov dword [ready], 1
.wait:  pause
        cmp dword [ready], 2
        jne .wait
        mov dword [ready], 3
        vmxoff
        nop
        mov dword [ready], 4
        jmp $
again:  mov ebp, CPUS + BLOCK
        call own_vmx_on
        own_guest 1, guest_rounds_once
        expect_entry "VMX operation again", EXIT(18)
        ret
guest_rounds_once:
        vmcall

; ---- posted interrupts ----
guest_posted:
        mov eax, POSTED
        vmcall
posting:
        mov ecx, 0x48d
        rdmsr
        test edx, 1 << 7
        jz .done
        mov dword [DESCRIPTOR + 32], 0
        job posted
        wait_for ready, 1
        mov eax, POSTED
        lock bts dword [DESCRIPTOR], eax
        lock bts dword [DESCRIPTOR + 32], 0
        send_to 1, FIXED + NOTIFY
        done
        job posted_asleep
        wait_for ready, 1
        mov eax, POSTED
        lock bts dword [DESCRIPTOR], eax
        lock bts dword [DESCRIPTOR + 32], 0
        send_to 1, FIXED + NOTIFY
        done
.done:  ret
%macro posted_guest 1
        mov edi, VAPIC
        mov ecx, 0x1000 / 4
        xor eax, eax
        rep stosd
        mov ebp, CPUS + BLOCK
        call take_vmcs
        call plain
        mov dword [pin], 1 | 1 << 7
        or dword [primary], 1 << 21 | 1 << 28 | 1 << 31
        mov dword [secondary], 1 << 9
        mov dword [exit], 1 << 15
        call new_guest
        write 0x2004, MSR_BITMAPS
        write 0x2012, VAPIC
        write 0x810, 0
        write 2, NOTIFY
        write 0x2016, DESCRIPTOR
        write 0x401c, 0
        guest_at %1
        write V_RFLAGS, 0x202
%endmacro
posted: posted_guest guest_spins
        expect_entry "an interrupt that another processor posts", EXIT(18)
        expect_value "the handler's EAX", POSTED, [guest_ax]
        expect_field "RVI and SVI", 0x810, POSTED << 8
        expect_value "the descriptor is empty", 0, [DESCRIPTOR + 16]
        expect_value "nothing is outstanding", 0, [DESCRIPTOR + 32]
        ret
posted_asleep:
        posted_guest guest_sleeps
        expect_entry "an interrupt posted into HLT", EXIT(18)
        expect_value "the handler's EAX", POSTED, [guest_ax]
        expect_field "activity state", V_ACTIVITY, 0
        ret

align 8
alive:          dd 0
number:         dd 0
wanted:         dd 0
token:          dd 0
stamp:          dd 0, 0
earlier:        dd 0
guest_of_all:   dd 0
exits_of_all:   dd 0
prepared:       dd 0
finished:       dd 0
total:          dd 0
locked:         dd 0
ready:          dd 0
value:          dd 0
svr_of_start:   dd 0
