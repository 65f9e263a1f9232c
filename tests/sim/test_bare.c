/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bare machine runs software that knows nothing of it: images, processors, devices, VMX in root operation, every end. */
#include "sim/assemble.h"
#include "sim/multiboot.h"
#include "sim/snapshot_bare.h"
#include "tests/support/suite.h"
#include "vmx-model/reasons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOAD = 0x100000, RAM = 16 << 20, OUTPUT_BYTES = 4096 };

/* Every image begins with a header that gives its addresses. */
static const char header[] = "dd 0x1badb002, 0x10003, -(0x1badb002 + 0x10003), 0x100000, 0x100000, 0, 0x180000, start\n"
                             "%macro say 1\n"
                             "  mov al, %1\n"
                             "  mov dx, 0x3f8\n"
                             "  out dx, al\n"
                             "%endmacro\n"
                             "%macro finish 1\n"
                             "  mov al, %1\n"
                             "  out 0xf4, al\n"
                             "  hlt\n"
                             "%endmacro\n"
                             "start: mov esp, 0x80000\n";

/* Flat segments, and interrupt gates whose offsets the code fills in. */
#define FLAT_TABLES                                                                                                                                  \
    "align 8\n"                                                                                                                                      \
    "gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"                                                                                            \
    "gdtr: dw 23\n"                                                                                                                                  \
    "dd gdt\n"                                                                                                                                       \
    "idtr: dw 0x7ff\n"                                                                                                                               \
    "dd idt\n"                                                                                                                                       \
    "align 8\n"                                                                                                                                      \
    "idt: times 256 dq 0x00008e0000080000\n"

struct outcome {
    enum sim_board_end end;
    unsigned status;
    char output[OUTPUT_BYTES];
    size_t size;
    char error[160];
    uint64_t rip, ticks;
};

static void on_output(void *context, unsigned port, uint8_t byte)
{
    struct outcome *o = context;
    (void)port;
    if (o->size + 1 < sizeof o->output)
        o->output[o->size++] = (char)byte;
}

/* Runs 32-bit source behind the header; tables and 64-bit code are its own business. */
static void run(const char *source, unsigned cpus, uint64_t limit, struct outcome *o)
{
    static char text[65536];
    struct assembled image = {0};
    struct sim_error error = {0};
    const char *message;
    char why[MULTIBOOT_ERROR_BYTES];
    memset(o, 0, sizeof *o);
    snprintf(text, sizeof text, "%s%s", header, source);
    const bool assembled_well = assemble("test", 1, text, 32, LOAD, &image, &error);
    if (!assembled_well)
        printf("%s\n", error.message);
    CU_ASSERT_FATAL(assembled_well);
    const struct sim_bare_options options = {.ram_bytes = RAM, .cpus = cpus, .limit = limit, .context = o, .output = on_output};
    struct bk_machine *machine = sim_bare_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    const struct multiboot_request request = {.kernel = {image.bytes, image.size, "words of the command line"}};
    const bool loaded = sim_multiboot_load(machine, &request, why);
    if (!loaded)
        printf("%s\n", why);
    CU_ASSERT_FATAL(loaded);
    o->end = sim_bare_run(machine, &o->status);
    o->rip = machine->vcpu[machine->board->culprit].cpu.state.rip;
    o->ticks = sim_now(&machine->vcpu[0]);
    snprintf(o->error, sizeof o->error, "%s", machine->error);
    sim_machine_free(machine);
    assembled_free(&image);
}

static void an_image_starts_as_the_multiboot_specification_says(void)
{
    static struct outcome o;
    run("cmp eax, 0x2badb002\n"
        "jne bad\n"
        "mov esi, [ebx + 16]\n" /* command line */
        "mov dx, 0x3f8\n"
        "next: lodsb\n"
        "test al, al\n"
        "jz done\n"
        "out dx, al\n"
        "jmp next\n"
        "done: finish 21\n"
        "bad: finish 1\n",
        1, 0, &o);
    CU_ASSERT_EQUAL(o.end, SIM_BOARD_STATUS);
    CU_ASSERT_EQUAL(o.status, 43);
    CU_ASSERT_STRING_EQUAL(o.output, "words of the command line");
}

static void every_end_is_told_apart(void)
{
    static const struct {
        const char *source;
        enum sim_board_end end;
    } rows[] = {
        {"mov esi, word_\nmov ecx, 8\nmov dx, 0x8900\nrep outsb\njmp $\nword_: db 'Shutdown'\n", SIM_BOARD_OFF},
        {"mov al, 0xfe\nout 0x64, al\njmp $\n", SIM_BOARD_RESET},
        {"lidt [none]\nud2\nnone: dw 0\ndd 0\n", SIM_BOARD_TRIPLE_FAULT},
        {"cli\nhlt\n", SIM_BOARD_DEAD},
        {"jmp $\n", SIM_BOARD_LIMIT},
        /* a periodic timer whose vector no local APIC takes */
        {"mov dword [0xfee000f0], 0x1ff\nmov dword [0xfee00320], 0x20000\nmov dword [0xfee00380], 100\nhlt\n", SIM_BOARD_LIMIT},
        {"vmcall\n", SIM_BOARD_TRIPLE_FAULT}, /* #UD without an IDT */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct outcome o;
        run(rows[i].source, 1, 100000, &o);
        CU_ASSERT_EQUAL(o.end, rows[i].end);
        if (o.end != rows[i].end)
            printf("row %u: end %d, %s\n", i, (int)o.end, o.error);
    }
}

/* A 32-bit host with paging off enters a guest that shares its flat segments: unrestricted, EPT off is not possible, so EPT maps 2 MiB one to one. */
static const char hypervisor[] = "mov ecx, 0x3a\n"
                                 "rdmsr\n"
                                 "and eax, 5\n"
                                 "cmp eax, 5\n"
                                 "jne bad\n"
                                 /* 64-bit mode: identity map of 1 GiB */
                                 "mov edi, 0x200000\n"
                                 "mov dword [edi], 0x201003\n"
                                 "mov dword [edi + 0x1000], 0x83\n"
                                 "mov cr3, edi\n"
                                 "mov eax, cr4\n"
                                 "or eax, 0x2020\n"
                                 "mov cr4, eax\n"
                                 "mov ecx, 0xc0000080\n"
                                 "mov eax, 0x100\n"
                                 "xor edx, edx\n"
                                 "wrmsr\n"
                                 "mov eax, 0x80000031\n"
                                 "mov cr0, eax\n"
                                 "lgdt [gdtr]\n"
                                 "jmp 8:long_\n"
                                 "bad: finish 1\n"
                                 "align 8\n"
                                 "gdt: dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x0000890000000067, 0\n"
                                 "gdtr: dw 39\n"
                                 "dd gdt\n"
                                 "bits 64\n"
                                 "%macro put 2\n"
                                 "  mov rax, %1\n"
                                 "  mov rbx, %2\n"
                                 "  vmwrite rax, rbx\n"
                                 "  jbe failed\n"
                                 "%endmacro\n"
                                 "%macro capability 3\n" /* MSR, wanted, field */
                                 "  mov ecx, %1\n"
                                 "  rdmsr\n"
                                 "  or eax, %2\n"
                                 "  and eax, edx\n"
                                 "  mov ebx, eax\n"
                                 "  mov rax, %3\n"
                                 "  vmwrite rax, rbx\n"
                                 "%endmacro\n"
                                 "long_: mov ax, 16\n"
                                 "mov ss, ax\n"
                                 "mov ds, ax\n"
                                 "mov es, ax\n"
                                 "mov ax, 24\n"
                                 "ltr ax\n"
                                 "mov ecx, 0x480\n"
                                 "rdmsr\n"
                                 "and eax, 0x7fffffff\n"
                                 "mov [0x300000], eax\n"
                                 "mov [0x301000], eax\n"
                                 "vmxon [vmxon_at]\n"
                                 "jbe failed\n"
                                 "vmclear [vmcs_at]\n"
                                 "jbe failed\n"
                                 "vmptrld [vmcs_at]\n"
                                 "jbe failed\n"
                                 "capability 0x48d, 0, 0x4000\n"
                                 "capability 0x48e, 0x80, 0x4002\n" /* HLT exiting */
                                 "capability 0x48f, 0x200, 0x400c\n"
                                 "capability 0x490, 0x200, 0x4012\n"
                                 "put 0x2800, -1\n"
                                 "mov rbx, cr0\n"
                                 "mov rax, 0x6800\n"
                                 "vmwrite rax, rbx\n"
                                 "mov rax, 0x6c00\n"
                                 "vmwrite rax, rbx\n"
                                 "mov rbx, cr3\n"
                                 "mov rax, 0x6802\n"
                                 "vmwrite rax, rbx\n"
                                 "mov rax, 0x6c02\n"
                                 "vmwrite rax, rbx\n"
                                 "mov rbx, cr4\n"
                                 "mov rax, 0x6804\n"
                                 "vmwrite rax, rbx\n"
                                 "mov rax, 0x6c04\n"
                                 "vmwrite rax, rbx\n"
                                 "put 0x802, 8\n"
                                 "put 0x804, 16\n"
                                 "put 0x806, 16\n"
                                 "put 0x800, 16\n"
                                 "put 0x80e, 24\n"
                                 "put 0xc02, 8\n"
                                 "put 0xc04, 16\n"
                                 "put 0xc06, 16\n"
                                 "put 0xc00, 16\n"
                                 "put 0xc0c, 24\n"
                                 "put 0x4800, -1\n"
                                 "put 0x4802, -1\n"
                                 "put 0x4804, -1\n"
                                 "put 0x4806, -1\n"
                                 "put 0x480e, 0x67\n"
                                 "put 0x4814, 0xa093\n"
                                 "put 0x4816, 0xa09b\n"
                                 "put 0x4818, 0xc093\n"
                                 "put 0x481a, 0xc093\n"
                                 "put 0x481c, 0x10000\n"
                                 "put 0x481e, 0x10000\n"
                                 "put 0x4820, 0x10000\n"
                                 "put 0x4822, 0x8b\n"
                                 "put 0x4814, 0xc093\n"
                                 "put 0x681a, 0x400\n"
                                 "put 0x681c, 0x90000\n"
                                 "put 0x681e, guest\n"
                                 "put 0x6820, 2\n"
                                 "put 0x6c14, 0x7f000\n"
                                 "put 0x6c16, exit_\n"
                                 "mov r15d, 0\n"
                                 "BEFORE\n"
                                 "vmlaunch\n"
                                 "failed: mov al, 'F'\n"
                                 "mov dx, 0x3f8\n"
                                 "out dx, al\n"
                                 "mov eax, 0x4400\n"
                                 "vmread rax, rax\n"
                                 "finish al\n"
                                 "exit_: mov eax, 0x4402\n"
                                 "vmread rbx, rax\n"
                                 "lea eax, [rbx + 'A']\n"
                                 "mov dx, 0x3f8\n"
                                 "out dx, al\n"
                                 "inc r15d\n"
                                 "cmp r15d, 5\n"
                                 "je over\n"
                                 "mov eax, 0x440c\n"
                                 "vmread rcx, rax\n"
                                 "mov eax, 0x681e\n"
                                 "vmread rbx, rax\n"
                                 "add rbx, rcx\n"
                                 "vmwrite rax, rbx\n"
                                 "vmresume\n"
                                 "jmp failed\n"
                                 "over: finish 9\n"
                                 "guest: cpuid\n"
                                 "hlt\n"
                                 "vmcall\n"
                                 "jmp guest\n"
                                 "align 8\n"
                                 "vmxon_at: dq 0x300000\n"
                                 "vmcs_at: dq 0x301000\n";

static void run_hypervisor(const char *before, struct outcome *o)
{
    static char source[32768];
    snprintf(source, sizeof source, "%%macro BEFORE 0\n%s%%endmacro\n%s", before, hypervisor);
    run(source, 1, 1000000, o);
}

static void a_hypervisor_runs_its_guest(void)
{
    static struct outcome o;
    const char expected[] = {'A' + VMX_EXIT_CPUID, 'A' + VMX_EXIT_HLT, 'A' + VMX_EXIT_VMCALL, 'A' + VMX_EXIT_CPUID, 'A' + VMX_EXIT_HLT, '\0'};
    run_hypervisor("", &o);
    CU_ASSERT_EQUAL(o.end, SIM_BOARD_STATUS);
    CU_ASSERT_EQUAL(o.status, 19);
    CU_ASSERT_STRING_EQUAL(o.output, expected);
    if (o.end != SIM_BOARD_STATUS)
        printf("end %d at %llx: %s %s\n", (int)o.end, (unsigned long long)o.rip, o.error, o.output);
}

static void an_entry_that_fails_comes_back_to_the_host(void)
{
    static struct outcome o;
    /* host CR0 with a reserved bit: VMfailValid(8) */
    run_hypervisor("put 0x6c00, 0x21\n", &o);
    CU_ASSERT_EQUAL(o.end, SIM_BOARD_STATUS);
    CU_ASSERT_EQUAL(o.status, 17);
    CU_ASSERT_STRING_EQUAL(o.output, "F");
    /* guest RFLAGS without bit 1: reason 33 with bit 31, at the host's RIP */
    run_hypervisor("put 0x6820, 0\n", &o);
    CU_ASSERT_EQUAL(o.output[0], (char)('A' + VMX_EXIT_INVALID_STATE));
}

/* IA32_FS_BASE may not be loaded: VMX abort 4, at a VM exit and at a failed VM entry alike. */
static void a_vmx_abort_shuts_the_processor_down(void)
{
    static const char list[] = "mov dword [0x330000], 0xc0000100\n"
                               "put 0x2008, 0x330000\n"
                               "put 0x4010, 1\n";
    static char text[1024];
    static struct outcome o;
    for (unsigned fails = 0; fails < 2; fails++) {
        snprintf(text, sizeof text, "%s%s", list, fails ? "put 0x6820, 0\n" : "");
        run_hypervisor(text, &o);
        CU_ASSERT_EQUAL(o.end, SIM_BOARD_TRIPLE_FAULT);
        CU_ASSERT_STRING_EQUAL(o.error, "VMX abort 4: the processor is shut down");
    }
}

static void init_waits_in_root_operation_and_exits_in_non_root_operation(void)
{
    static const char init[] = "mov ecx, 0x1b\n" /* x2APIC mode */
                               "rdmsr\n"
                               "or eax, 0xc00\n"
                               "wrmsr\n"
                               "mov ecx, 0x830\n" /* INIT to itself */
                               "mov eax, 0x4500\n"
                               "xor edx, edx\n"
                               "wrmsr\n";
    static char text[1024];
    static struct outcome o;
    run_hypervisor(init, &o);
    CU_ASSERT_EQUAL(o.output[0], 'A' + VMX_EXIT_INIT_SIGNAL);
    /* Blocked, it ends no HLT: nothing ever will. */
    snprintf(text, sizeof text, "%scli\nhlt\n", init);
    run_hypervisor(text, &o);
    CU_ASSERT_EQUAL(o.end, SIM_BOARD_DEAD);
    CU_ASSERT_STRING_EQUAL(o.output, "");
}

/* The bootstrap processor starts all others by INIT and SIPI; each counts itself, under a lock, and halts. */
static void application_processors_start_by_init_and_sipi(void)
{
    static const char source[] = "mov esi, ap\n"
                                 "mov edi, 0x8000\n"
                                 "mov ecx, ap_end - ap\n"
                                 "rep movsb\n"
                                 "mov dword [0xfee000f0], 0x1ff\n"
                                 "mov dword [0xfee00300], 0xc4500\n"
                                 "mov dword [0xfee00300], 0xc4608\n"
                                 "wait_: pause\n"
                                 "cmp dword [0x9000], WANTED - 1\n"
                                 "jne wait_\n"
                                 "mov eax, [0x9000]\n"
                                 "out 0xf4, al\n"
                                 "bits 16\n"
                                 "ap: xor ax, ax\n"
                                 "mov ds, ax\n"
                                 "take: lock bts word [0x9004], 0\n"
                                 "jc take\n"
                                 "inc dword [0x9000]\n"
                                 "mov byte [0x9004], 0\n"
                                 "cli\n"
                                 "hlt\n"
                                 "ap_end:\n";
    static char text[4096];
    static struct outcome first, again;
    for (unsigned cpus = 2; cpus <= SIM_BARE_CPUS_MAX; cpus += 3) {
        snprintf(text, sizeof text, "WANTED equ %u\n%s", cpus, source);
        run(text, cpus, 1000000, &first);
        CU_ASSERT_EQUAL(first.end, SIM_BOARD_STATUS);
        CU_ASSERT_EQUAL(first.status, 2 * (cpus - 1) + 1);
        run(text, cpus, 1000000, &again);
        CU_ASSERT_EQUAL(first.ticks, again.ticks);
    }
}

/* Processor 0 closes both gates from below 1 MByte; then neither it nor processor 1, in real-address mode, reaches what is above. */
static void a20m_goes_to_all_processors(void)
{
    static const char source[] = "mov esi, low\n"
                                 "mov edi, 0x7000\n"
                                 "mov ecx, ap - low\n"
                                 "rep movsb\n"
                                 "mov edi, 0x8000\n"
                                 "mov ecx, ap_end - ap\n"
                                 "rep movsb\n"
                                 "mov dword [0xfee000f0], 0x1ff\n"
                                 "mov dword [0xfee00300], 0xc4500\n"
                                 "mov dword [0xfee00300], 0xc4608\n"
                                 "mov byte [0x80500], 1\n"
                                 "mov byte [0x180500], 2\n"
                                 "mov byte [0x500], 4\n"
                                 "mov byte [0x100500], 8\n"
                                 "mov eax, 0x7000\n"
                                 "jmp eax\n"
                                 "low: pause\n"
                                 "cmp byte [0x9000], 1\n"
                                 "jne low\n"
                                 "mov bl, [0x9001]\n"
                                 "mov al, 0xdd\n"
                                 "out 0x64, al\n"
                                 "mov al, 0\n"
                                 "out 0x92, al\n"
                                 "mov byte [0x9000], 2\n"
                                 ".wait: pause\n"
                                 "cmp byte [0x9000], 3\n"
                                 "jne .wait\n"
                                 "shl bl, 4\n"
                                 "add bl, [0x9001]\n"
                                 "add bl, [0x180500]\n"
                                 "mov al, bl\n"
                                 "out 0xf4, al\n"
                                 "bits 16\n"
                                 "ap: xor ax, ax\n"
                                 "mov ds, ax\n"
                                 "mov ax, 0xffff\n"
                                 "mov es, ax\n"
                                 "mov al, [es:0x510]\n"
                                 "mov [0x9001], al\n"
                                 "mov byte [0x9000], 1\n"
                                 ".wait: pause\n"
                                 "cmp byte [0x9000], 2\n"
                                 "jne .wait\n"
                                 "mov al, [es:0x510]\n"
                                 "mov [0x9001], al\n"
                                 "mov byte [0x9000], 3\n"
                                 "cli\n"
                                 "hlt\n"
                                 "ap_end:\n";
    enum { OPEN_OF_1 = 8, CLOSED_OF_1 = 4, CLOSED_OF_0 = 1 };
    static struct outcome o;
    run(source, 2, 1000000, &o);
    CU_ASSERT_EQUAL(o.end, SIM_BOARD_STATUS);
    CU_ASSERT_EQUAL(o.status, 2 * (OPEN_OF_1 << 4 | (CLOSED_OF_1 + CLOSED_OF_0)) + 1);
}

/* The timer of the local APIC interrupts a halted processor; its handler returns behind the HLT. */
static void the_local_apic_timer_wakes_a_processor(void)
{
    static struct outcome o;
    run("lgdt [gdtr]\n"
        "lidt [idtr]\n"
        "mov eax, handler\n"
        "mov [idt + 0x40 * 8], ax\n"
        "shr eax, 16\n"
        "mov [idt + 0x40 * 8 + 6], ax\n"
        "mov dword [0xfee000f0], 0x1ff\n"
        "mov dword [0xfee003e0], 0xb\n" /* divide by 1 */
        "mov dword [0xfee00320], 0x40\n"
        "mov dword [0xfee00380], 100000\n"
        "rdtsc\n"
        "mov ebp, eax\n"
        "sti\n"
        "hlt\n"
        "rdtsc\n"
        "sub eax, ebp\n"
        "cmp eax, 99000\n"
        "jb early\n"
        "cmp eax, 103000\n" /* the handler's accesses to devices included */
        "ja early\n"
        "finish 5\n"
        "early: finish 6\n"
        "handler: say 'T'\n"
        "mov dword [0xfee000b0], 0\n"
        "iret\n" FLAT_TABLES,
        1, 1000000, &o);
    CU_ASSERT_EQUAL(o.end, SIM_BOARD_STATUS);
    CU_ASSERT_EQUAL(o.status, 11);
    CU_ASSERT_STRING_EQUAL(o.output, "T");
}

/* CALL to a task and IRET from it, twice; a divide error through a task gate. Task segments stand at 2 MBytes, 4 KBytes apart. */
static void tasks_are_switched_by_the_processor(void)
{
    static struct outcome o;
    run("lgdt [gdtr]\n"
        "jmp 8:flat\n"
        "flat: mov ax, 0x10\n"
        "mov ds, ax\n"
        "mov es, ax\n"
        "mov ss, ax\n"
        "%macro task 2\n"
        "  mov dword [%1 + 32], %2\n"
        "  mov dword [%1 + 36], 2\n"
        "  mov dword [%1 + 56], %1 + 0x1000\n"
        "  mov dword [%1 + 72], 0x10\n"
        "  mov dword [%1 + 76], 8\n"
        "  mov dword [%1 + 80], 0x10\n"
        "  mov dword [%1 + 84], 0x10\n"
        "%endmacro\n"
        "task 0x201000, second\n"
        "task 0x202000, third\n"
        "mov dword [0x210000], 0x280000\n" /* vector 0: a task gate */
        "mov dword [0x210004], 0x8500\n"
        "lidt [idtr]\n"
        "mov ax, 0x18\n"
        "ltr ax\n"
        "mov ebx, 0x1234\n"
        "call 0x20:0\n"
        "cmp ebx, 0x1234\n"
        "jne bad\n"
        "mov eax, cr0\n"
        "test al, 8\n" /* TS */
        "jz bad\n"
        "say '1'\n"
        "call 0x20:0\n"
        "say '2'\n"
        "xor ecx, ecx\n"
        "div ecx\n"
        "say '3'\n"
        "str ax\n"
        "cmp ax, 0x18\n"
        "jne bad\n"
        "finish 5\n"
        "bad: finish 1\n"
        "second: mov ebx, 0x5678\n"
        "say 'b'\n"
        "iret\n"
        "say 'B'\n" /* the task goes on where it left */
        "iret\n"
        "third: pushfd\n"
        "pop eax\n"
        "test ax, 0x4000\n" /* NT */
        "jz bad\n"
        "say 'c'\n"
        "add dword [0x200000 + 32], 2\n" /* behind the DIV */
        "iret\n"
        "align 8\n"
        "gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x0000892000000067, 0x0000892010000067, 0x0000892020000067\n"
        "gdtr: dw 47\n"
        "dd gdt\n"
        "idtr: dw 7\n"
        "dd 0x210000\n",
        1, 100000, &o);
    CU_ASSERT_EQUAL(o.end, SIM_BOARD_STATUS);
    CU_ASSERT_EQUAL(o.status, 11);
    CU_ASSERT_STRING_EQUAL(o.output, "b1B2c3");
    if (o.end != SIM_BOARD_STATUS)
        printf("end %d at %llx: %s %s\n", (int)o.end, (unsigned long long)o.rip, o.error, o.output);
}

/* An NMI that arrives while the handler of another has not returned wakes nobody out of HLT. */
static void a_blocked_nmi_wakes_nobody(void)
{
    static struct outcome o;
    run("lgdt [gdtr]\n"
        "lidt [idtr]\n"
        "mov eax, handler\n"
        "mov [idt + 2 * 8], ax\n"
        "shr eax, 16\n"
        "mov [idt + 2 * 8 + 6], ax\n"
        "mov dword [0xfee000f0], 0x1ff\n"
        "mov dword [0xfee00300], 0x4400\n" /* NMI to processor 0, itself */
        "jmp $\n"
        "handler: say 'N'\n"
        "mov dword [0xfee00300], 0x4400\n"
        "cli\n"
        "hlt\n"
        "say 'W'\n"
        "jmp $\n" FLAT_TABLES,
        1, 1000000, &o);
    CU_ASSERT_EQUAL(o.end, SIM_BOARD_DEAD);
    CU_ASSERT_STRING_EQUAL(o.output, "N");
}

/* A file whose processor is minutes ahead of the machine is refused: its windows would take for ever to catch up. One that is a second ahead is not. */
static void a_snapshot_with_a_clock_out_of_the_window_is_refused(void)
{
    static const struct {
        uint64_t ahead;
        bool taken;
    } rows[] = {{0, true}, {UINT64_C(1) << 30, true}, {UINT64_C(1) << 41, false}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[] = "/tmp/vmxbench-bare-XXXXXX";
        struct sim_error error = {0};
        const char *message;
        const int file = mkstemp(path);
        CU_ASSERT_FATAL(file >= 0);
        close(file);
        const struct sim_bare_options options = {.ram_bytes = RAM, .cpus = 2, .limit = 1000};
        struct bk_machine *machine = sim_bare_new(&options, &message);
        CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
        machine->pcpu[1].clock += rows[i].ahead;
        struct sim_board_trace records = {0}, read_records = {0};
        struct sim_bare_trace trace = {.trace = &records}, read_trace = {.trace = &read_records};
        CU_ASSERT(sim_bare_snapshot_write(machine, &trace, path, &error));
        struct bk_machine *read = sim_bare_snapshot_read(path, &options, &read_trace, &error);
        CU_ASSERT_EQUAL(read != NULL, rows[i].taken);
        if (!rows[i].taken)
            CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "far beyond"));
        sim_machine_free(read);
        sim_machine_free(machine);
        remove(path);
    }
}

SUITE("sim/bare", {"a20m_goes_to_all_processors", a20m_goes_to_all_processors}, {"a_blocked_nmi_wakes_nobody", a_blocked_nmi_wakes_nobody},
      {"a_snapshot_with_a_clock_out_of_the_window_is_refused", a_snapshot_with_a_clock_out_of_the_window_is_refused},
      {"an_image_starts_as_the_multiboot_specification_says", an_image_starts_as_the_multiboot_specification_says},
      {"every_end_is_told_apart", every_end_is_told_apart}, {"a_hypervisor_runs_its_guest", a_hypervisor_runs_its_guest},
      {"an_entry_that_fails_comes_back_to_the_host", an_entry_that_fails_comes_back_to_the_host},
      {"a_vmx_abort_shuts_the_processor_down", a_vmx_abort_shuts_the_processor_down},
      {"init_waits_in_root_operation_and_exits_in_non_root_operation", init_waits_in_root_operation_and_exits_in_non_root_operation},
      {"application_processors_start_by_init_and_sipi", application_processors_start_by_init_and_sipi},
      {"the_local_apic_timer_wakes_a_processor", the_local_apic_timer_wakes_a_processor},
      {"tasks_are_switched_by_the_processor", tasks_are_switched_by_the_processor})
