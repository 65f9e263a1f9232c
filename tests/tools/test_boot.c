/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench boot as people type it: statuses, what is printed where, and every wrong input with a line that says what would be right. */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../sim/assemble.h"
#include "../support/command.h"

static void write_image(const char *name, const char *source)
{
    static char text[4096];
    struct assembled image = {0};
    struct sim_error error = {0};
    snprintf(text, sizeof text, "dd 0x1badb002, 0x10003, -(0x1badb002 + 0x10003), 0x100000, 0x100000, 0, 0x180000, start\nstart: %s", source);
    CU_ASSERT_FATAL(assemble("test", 1, text, 32, 0x100000, &image, &error));
    write_file(name, image.bytes, image.size);
    assembled_free(&image);
}

/* A header with these addresses of load, its end and entry, of so many bytes. */
static void write_header(const char *name, uint32_t load, uint32_t load_end, uint32_t entry, size_t bytes)
{
    enum { MAGIC = 0x1badb002, ADDRESSES = 1 << 16 };
    const uint32_t header[16] = {MAGIC, ADDRESSES, 0u - (MAGIC + ADDRESSES), load, load, load_end, 0, entry};
    write_file(name, (const char *)header, bytes);
}

/* An ELF file of two segments in the same place, its header behind those of the segments. */
static void write_overlap(void)
{
    enum { PAGE = 4096, PLACE = 0x100000, AT = 512 };
    static char file[PAGE];
    const uint32_t header[] = {0x1badb002, 0, 0u - 0x1badb002u};
    Elf32_Ehdr elf = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32},
                      .e_entry = PLACE,
                      .e_phoff = sizeof elf,
                      .e_phentsize = sizeof(Elf32_Phdr),
                      .e_phnum = 2};
    const Elf32_Phdr row = {.p_type = PT_LOAD, .p_paddr = PLACE, .p_filesz = PAGE, .p_memsz = PAGE};
    memcpy(file, &elf, sizeof elf);
    for (unsigned i = 0; i < 2; i++)
        memcpy(file + sizeof elf + i * sizeof row, &row, sizeof row);
    memcpy(file + AT, header, sizeof header);
    write_file("overlap", file, sizeof file);
}

static void write_images(void)
{
    static const char zeros[3 << 20];
    write_image("seven", "mov al, 7\nout 0xf4, al\nhlt\n");
    write_image("spins", "cli\njmp $\n");
    write_image("faults", "lidt [none]\nud2\nnone: dd 0, 0\n");
    write_image("words",
                "mov esi, [ebx + 16]\nmov dx, 0x3f8\nnext: lodsb\ntest al, al\njz done\nout dx, al\njmp next\ndone: mov al, 0\nout 0xf4, al\nhlt\n");
    write_file("text", "no image\n", 9);
    write_file("empty", "", 0);
    write_file("large", zeros, sizeof zeros);
    write_overlap();
    write_header("outside", 0x100000, 0, 0x200000, 64);
    write_header("low", 0x500, 0, 0x500, 64);
    write_header("cut", 0x100000, 0, 0x100000, 20);
    write_header("backward", 0x100000, 0xff000, 0x100000, 64);
    write_file("half.gz", "\x1f\x8b\x08\x00\x00\x00", 6);
}

static void the_status_is_the_guests(void)
{
    CU_ASSERT_EQUAL(vmxbench("boot seven 2>&1"), 15);
    CU_ASSERT_STRING_EQUAL(output, "");
    CU_ASSERT_EQUAL(vmxbench("boot --append 'a b' words"), 1);
    CU_ASSERT_STRING_EQUAL(output, "words a b");
    CU_ASSERT_EQUAL(vmxbench("boot --limit 1000 spins 2>&1"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "limit of instructions was reached; processor 0 is at RIP 100021H with interrupts off"));
    CU_ASSERT_EQUAL(vmxbench("boot faults 2>&1"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "triple fault of processor 0"));
}

static void wrong_input_is_told(void)
{
    static const struct {
        const char *arguments, *text;
    } rows[] = {
        {"", "name one image"},
        {"nowhere", "nowhere: No such file or directory"},
        {"text", "text: not a multiboot image: no header"},
        {"empty", "empty: the file is empty"},
        {"half.gz", "half.gz: truncated or corrupted: gzip cannot unpack it"},
        {". ", ".: a regular file is wanted"},
        {VMXBENCH, "an ELF file without a multiboot header"},
        {"--memory 3M --module large seven", "too little memory: module 1 ends at"},
        {"--memory 1M seven", "too little memory: a segment of the image ends at"},
        {"--memory 4G seven", "--memory '4G': whole MiB from 1M to 3G are wanted"},
        {"--memory 1536K --smp 1 seven", "--memory '1536K'"},
        {"overlap", "overlap: two segments want the same physical memory"},
        {"outside", "outside: the entry point lies outside of what is loaded"},
        {"low", "a segment lies below 600H or at 90000H to FFFFFH"},
        {"cut", "cut: the multiboot header is truncated"},
        {"backward", "backward: the addresses in the multiboot header contradict each other"},
        {"--limit 99999999999999999999 seven", "--limit '99999999999999999999': a number of instructions is wanted"},
        {"--module '' seven", "--module '': the name of a file is wanted"},
        {"--smp 9 seven", "--smp '9': a number from 1 to 8 is wanted"},
        {"--cpu pentium seven", "the profiles are"},
        {"--module nowhere seven", "nowhere: No such file or directory"},
        {"--bios text", "firmware is a multiple of 64 KiB"},
        {"--bios text seven", "neither image nor modules"},
        {"--moduel large seven", "did you mean --module"},
        {"--trace nowhere/x seven", "nowhere/x cannot be written"},
        {"--snapshot s seven", "--snapshot FILE and --at N go together"},
        {"--at 5 seven", "--snapshot FILE and --at N go together"},
        {"--snapshot s --at 0 seven", "--at '0': a number of instructions is wanted"},
        {"--snapshot nowhere/s --at 5 spins", "nowhere/s cannot be written: No such file"},
        {"--snapshot s --at 1000000 seven", "the run was over before --at 1000000: nothing is saved"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, "%s 2>&1", rows[i].arguments);
        CU_ASSERT_EQUAL(vmxbench("boot %s", arguments), 2);
        const bool told = strstr(output, rows[i].text) != NULL && strchr(output, '\n') == output + strlen(output) - 1;
        if (!told)
            printf("\n%s: %s", rows[i].arguments, output);
        CU_ASSERT(told);
    }
}

/* The benchmark's hypervisor for so many exits; a line of its source may be another. */
static void write_hypervisor(const char *name, unsigned rounds, const char *line, const char *other)
{
    static char text[16384], source[8192];
    struct assembled image = {0};
    struct sim_error error = {0};
    FILE *from = fopen(BENCH_FOLDER "/round_trip.asm", "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(from);
    source[fread(source, 1, sizeof source - 1, from)] = '\0';
    fclose(from);
    char *at = strstr(source, line);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    *at = '\0';
    snprintf(text, sizeof text, "ROUNDS equ %u\n%s%s%s", rounds, source, other, at + strlen(line));
    CU_ASSERT_FATAL(assemble("test", 1, text, 32, 0x100000, &image, &error));
    write_file(name, image.bytes, image.size);
    assembled_free(&image);
}

static void a_hypervisors_exits_are_traced(void)
{
    write_hypervisor("hypervisor", 5, "bits 32", "bits 32");
    CU_ASSERT_EQUAL(vmxbench("boot --trace a hypervisor"), 0);
    CU_ASSERT_STRING_EQUAL(output, "D");
    CU_ASSERT_EQUAL(vmxbench("boot --trace b hypervisor > c && cmp a b"), 0);
    CU_ASSERT_EQUAL(vmxbench("stat --csv a"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "VMCALL,5,100.00"));
    CU_ASSERT_EQUAL(vmxbench("diff a b"), 0);
}

/* Console, trace and status of the two parts are those of the whole. */
static void a_saved_machine_goes_on_byte_for_byte(void)
{
    write_hypervisor("long", 400, "bits 32", "bits 32");
    CU_ASSERT_EQUAL(vmxbench("boot --trace whole long > console"), 0);
    for (unsigned at = 1; at < 5000; at += 1234) {
        CU_ASSERT_EQUAL(vmxbench("boot --trace part --snapshot saved --at %u long > parts", at), 0);
        CU_ASSERT_EQUAL(vmxbench("boot --trace part saved >> parts && cmp whole part && cmp console parts"), 0);
        CU_ASSERT_STRING_EQUAL(output, "");
    }
    /* Saved once more on the way, with memory and processors that are not those of a command line that says nothing. */
    CU_ASSERT_EQUAL(vmxbench("boot --memory 16M --smp 2 --fw-cfg --snapshot first --at 300 long > parts"), 0);
    CU_ASSERT_EQUAL(vmxbench("boot --snapshot second --at 900 first >> parts"), 0);
    CU_ASSERT_EQUAL(vmxbench("boot second >> parts && cmp console parts"), 0);
    CU_ASSERT_EQUAL(vmxbench("boot --smp 2 saved 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "saved is a snapshot, which says itself what --smp would say"));
    CU_ASSERT_EQUAL(vmxbench("run saved 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "saved: a snapshot of a bare machine"));
    CU_ASSERT_EQUAL(vmxbench("boot --snapshot untraced --at 100 long"), 0);
    CU_ASSERT_EQUAL(vmxbench("boot --trace part untraced 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "untraced was saved without --trace"));
    CU_ASSERT_EQUAL(shell("printf '\\125\\252' | dd of=saved bs=1 seek=5000 conv=notrunc status=none; $V boot saved 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "saved: the snapshot cannot be used: it is damaged (CRC-32)"));
    CU_ASSERT_EQUAL(shell("head -c 7000 untraced >short; $V boot short 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "short: the snapshot cannot be used: it is cut off"));
}

static void a_failed_entry_is_explained(void)
{
    write_hypervisor("bad", 5, "field 0x6820, 2", "field 0x6820, 0");
    CU_ASSERT_EQUAL(vmxbench("boot --explain bad 2>&1"), 0); /* the image sees an exit that it did not expect, and ends */
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "processor 0: VM entry failed: GUEST.RFLAGS"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "GUEST_RFLAGS                     0000000000000000H"));
}

/* Firmware that knows nothing of this machine, with one and with eight processors. */
static void seabios_finds_processors_and_nothing_to_boot(void)
{
    if (access(SEABIOS, R_OK) != 0) {
        printf("\n%s is not there (tools/setup.sh fetches it)\n", SEABIOS);
        return;
    }
    CU_ASSERT_EQUAL(vmxbench("boot --fw-cfg --bios " SEABIOS " 2>/dev/null"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "No bootable device."));
    CU_ASSERT_EQUAL(vmxbench("boot --fw-cfg --smp 8 --bios " SEABIOS " 2>&1"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "Found 8 cpu(s)"));
}

/* A hypervisor that nobody here wrote: it takes VMX into use on every processor. What it is given as its first guest kernel is none, and it says so. */
static void xen_finds_vmx_and_starts_all_processors(void)
{
    static const char *const texts[] = {"HVM: VMX enabled",           "HVM: Hardware Assisted Paging (HAP) detected",
                                        "Virtual Interrupt Delivery", "Posted Interrupt",
                                        "Brought up 4 CPUs",          "Could not construct domain 0"};
    if (access(XEN, R_OK) != 0) {
        printf("\n%s is not there (tools/setup.sh fetches it)\n", XEN);
        return;
    }
    CU_ASSERT_EQUAL(
        vmxbench("boot --smp 4 --memory 256M --limit 2000000000 --append 'com1=115200,8n1 console=com1 noreboot' --module " VMXBENCH " " XEN), 1);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strstr(output, texts[i]) == NULL)
            printf("\nXen does not say: %s\n", texts[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(output, texts[i]));
    }
}

/* It builds a domain 0 of a kernel that was made for Xen, but not for domain 0, which runs in ring 3 up to where it misses a root file system. */
static void xen_starts_a_linux_domain_0(void)
{
    static const char *const texts[] = {"Hypervisor detected: Xen PV", "Booting kernel on Xen", "smp: Brought up 1 node, 2 CPUs",
                                        "Unable to mount root fs"};
    if (access(XEN, R_OK) != 0 || access(LINUX, R_OK) != 0) {
        printf("\n%s is not there (tools/fetch_linux.sh fetches it)\n", LINUX);
        return;
    }
    CU_ASSERT_EQUAL(vmxbench("boot --smp 2 --memory 512M --append 'com1=115200,8n1 console=com1 noreboot dom0_mem=256M' --module '" LINUX
                             "=linux console=hvc0 earlyprintk=xen' " XEN " 2>&1"),
                    1);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strstr(output, texts[i]) == NULL)
            printf("\nthe domain does not say: %s\n", texts[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(output, texts[i]));
    }
}

/* ---- an initial RAM disk with one program ---- */
enum { PROGRAM_AT = 0x400000, DISK_BYTES = 4096 };

/* A file of a cpio archive of the new format; a device has a number. */
struct disk_file {
    const char *name;
    unsigned mode, major, minor;
    const void *bytes;
    size_t size;
};

static size_t put_file(char *disk, size_t at, const struct disk_file *file)
{
    const unsigned name_bytes = (unsigned)strlen(file->name) + 1;
    const int header = snprintf(disk + at, DISK_BYTES - at, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08X%08X", (unsigned)at, file->mode,
                                0u, 0u, 1u, 0u, file->size, 0u, 0u, file->major, file->minor, name_bytes, 0u);
    memcpy(disk + at + header, file->name, name_bytes);
    at = (at + (size_t)header + name_bytes + 3) & ~(size_t)3;
    memcpy(disk + at, file->bytes, file->size);
    return (at + file->size + 3) & ~(size_t)3;
}

/* It speaks and turns the machine off. */
static void write_initial_disk(const char *name)
{
    static char disk[DISK_BYTES], program[1024];
    static const char source[] = "mov eax, 1\nmov edi, 1\nlea rsi, [rel text]\nmov edx, end - text\nsyscall\n"
                                 "mov eax, 169\nmov edi, 0xfee1dead\nmov esi, 672274793\nmov edx, 0x4321fedc\nsyscall\n"
                                 "text: db \"a program of domain 0 speaks\", 10\nend:\n";
    struct assembled code = {0};
    struct sim_error error = {0};
    CU_ASSERT_FATAL(assemble("test", 1, source, 64, PROGRAM_AT + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), &code, &error));
    const size_t before = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), size = before + code.size;
    const Elf64_Ehdr elf = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                            .e_type = ET_EXEC,
                            .e_machine = EM_X86_64,
                            .e_version = EV_CURRENT,
                            .e_entry = PROGRAM_AT + before,
                            .e_phoff = sizeof elf,
                            .e_ehsize = sizeof elf,
                            .e_phentsize = sizeof(Elf64_Phdr),
                            .e_phnum = 1};
    const Elf64_Phdr row = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = PROGRAM_AT, .p_filesz = size, .p_memsz = size, .p_align = 4096};
    memcpy(program, &elf, sizeof elf);
    memcpy(program + sizeof elf, &row, sizeof row);
    memcpy(program + before, code.bytes, code.size);
    assembled_free(&code);
    const struct disk_file files[] = {
        {"dev", 0040755, 0, 0, "", 0}, {"dev/console", 0020600, 5, 1, "", 0}, {"init", 0100755, 0, 0, program, size}, {"TRAILER!!!", 0, 0, 0, "", 0}};
    size_t end = 0;
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++)
        end = put_file(disk, end, &files[i]);
    write_file(name, disk, end);
}

/* A kernel that can be domain 0 has the console hvc0, a whole ring 3, and ACPI to turn the machine off. */
static void a_program_of_domain_0_speaks(void)
{
    if (access(XEN, R_OK) != 0 || access(DOM0_LINUX, R_OK) != 0) {
        printf("\n%s is not there (tools/fetch_linux.sh --dom0 fetches it)\n", DOM0_LINUX);
        return;
    }
    write_initial_disk("disk");
    CU_ASSERT_EQUAL(vmxbench("boot --smp 2 --memory 512M --append 'com1=115200,8n1 console=com1 noreboot' --module '" DOM0_LINUX
                             "=linux console=hvc0 earlyprintk=xen' --module disk " XEN " 2>&1"),
                    0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "printk: console [hvc0] enabled"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "a program of domain 0 speaks"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "(XEN) Entering ACPI S5 state."));
}

COMMAND_SUITE("tools/boot", {"write_images", write_images}, {"the_status_is_the_guests", the_status_is_the_guests},
              {"wrong_input_is_told", wrong_input_is_told}, {"a_hypervisors_exits_are_traced", a_hypervisors_exits_are_traced},
              {"a_saved_machine_goes_on_byte_for_byte", a_saved_machine_goes_on_byte_for_byte},
              {"a_failed_entry_is_explained", a_failed_entry_is_explained},
              {"seabios_finds_processors_and_nothing_to_boot", seabios_finds_processors_and_nothing_to_boot},
              {"xen_finds_vmx_and_starts_all_processors", xen_finds_vmx_and_starts_all_processors},
              {"xen_starts_a_linux_domain_0", xen_starts_a_linux_domain_0}, {"a_program_of_domain_0_speaks", a_program_of_domain_0_speaks})
