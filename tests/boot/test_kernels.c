/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernels that run inside: each judges every line that it prints; two runs print the same, and so does Bochs. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/multiboot.h"
#include "tests/support/suite.h"
#include "tools/bochs/internal.h"

enum { RAM_MBYTES = 32, HEADER_BYTES = 32, ALL_RIGHT = 1 };
#define LIMIT UINT64_C(50000000)

static const unsigned hosts[] = {32, 36, 64}; /* protected mode, protected mode with PAE, 64-bit mode */

static void on_output(void *context, unsigned port, uint8_t byte)
{
    if (port == UART_COM1)
        (void)bytes_add(context, &byte, 1);
}

static struct bytes kernel(const char *name, unsigned host)
{
    char path[512];
    uint8_t part[4096];
    size_t size;
    struct bytes image = {NULL, 0, 0};
    snprintf(path, sizeof path, "%s/%s-%u.bin", KERNELS, name, host);
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while ((size = fread(part, 1, sizeof part, file)) != 0)
        CU_ASSERT_FATAL(bytes_add(&image, part, size));
    fclose(file);
    CU_ASSERT_FATAL(image.size > HEADER_BYTES);
    return image;
}

/* The ROM that starts the kernel where its header wants it. */
static struct bytes rom_of(const struct bytes *image)
{
    uint32_t header[HEADER_BYTES / 4];
    struct bytes rom = {NULL, 0, 0};
    memcpy(header, image->data, sizeof header);
    const struct bochs_flat_kernel flat = {.bytes = image->data, .size = image->size, .address = header[4], .entry = header[7]};
    CU_ASSERT_FATAL(bochs_make_rom_of(&rom, &flat, RAM_MBYTES));
    return rom;
}

/* By the multiboot loader, or as firmware where there is a ROM. */
static struct bytes run(const struct bytes *image, const struct bytes *rom, const char *profile, unsigned cpus)
{
    struct bytes serial = {NULL, 0, 0};
    const char *message;
    char why[MULTIBOOT_ERROR_BYTES];
    unsigned status = 0;
    const struct sim_bare_options options = {.caps = vmx_profile(profile),
                                             .ram_bytes = (uint64_t)RAM_MBYTES << 20,
                                             .cpus = cpus,
                                             .limit = LIMIT,
                                             .rom = rom != NULL ? rom->data : NULL,
                                             .rom_bytes = rom != NULL ? rom->size : 0,
                                             .context = &serial,
                                             .output = on_output};
    CU_ASSERT_PTR_NOT_NULL_FATAL(options.caps);
    struct bk_machine *machine = sim_bare_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    const struct multiboot_request request = {.kernel = {image->data, image->size, "kernel"}};
    CU_ASSERT_FATAL(rom != NULL || sim_multiboot_load(machine, &request, why));
    const enum sim_board_end end = sim_bare_run(machine, &status);
    CU_ASSERT_EQUAL(end, SIM_BOARD_STATUS);
    CU_ASSERT_EQUAL(status, ALL_RIGHT);
    CU_ASSERT_FATAL(bytes_add(&serial, "", 1));
    if (end != SIM_BOARD_STATUS || status != ALL_RIGHT)
        printf("end %d, status %u, RIP %llx: %s\n%s", (int)end, status, (unsigned long long)machine->vcpu[machine->board->culprit].cpu.state.rip,
               machine->error, serial.data);
    sim_machine_free(machine);
    return serial;
}

static void expect_all_right(const char *name, const char *profile, unsigned cpus)
{
    for (unsigned i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct bytes image = kernel(name, hosts[i]);
        struct bytes first = run(&image, NULL, profile, cpus), again = run(&image, NULL, profile, cpus);
        CU_ASSERT_STRING_EQUAL(first.data, again.data);
        free(first.data);
        free(again.data);
        free(image.data);
    }
}

/* Lines in which Bochs departs from the manual: it reads the descriptor before it judges the type, of which it takes 32 bits. In lines that end in
   ", kept" this machine shows a cached translation; each of Bochs' VM entries drops them all, which the manual allows. Of a compacted area
   it looks at MXCSR where SSE is initial, and it has PKRU where a standard area has it; of XSAVE it
   reads before it writes, in an order that the manual does not tell. */
static const char *const deviations[] = {"INVEPT, type 0 from nowhere: ", "INVVPID, type 4 from nowhere: ",
                                         "INVVPID, a type of 64 bits: ",  "XRSTOR, SSE initial: MXCSR is not looked at: ",
                                         "MXCSR is initial with it: ",    "PKRU behind the header: ",
                                         "XSAVE beyond memory: "};

static bool deviates(const char *line)
{
    for (unsigned i = 0; i < sizeof deviations / sizeof *deviations; i++)
        if (strncmp(line, deviations[i], strlen(deviations[i])) == 0)
            return true;
    return strstr(line, ", kept: ") != NULL;
}

/* Line by line; a deviation must be there, or its row is out of date. */
static void compare(const char *name, unsigned host, char *ours, char *theirs)
{
    char *rest = NULL, *other_rest = NULL;
    const char *other = strtok_r(theirs, "\n", &other_rest);
    for (const char *line = strtok_r(ours, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        const bool same = other != NULL && strcmp(line, other) == 0;
        CU_ASSERT_NOT_EQUAL(same, deviates(line));
        if (same == deviates(line))
            printf("%s-%u: \"%s\", Bochs: \"%s\"\n", name, host, line, other != NULL ? other : "nothing");
        other = strtok_r(NULL, "\n", &other_rest);
    }
    CU_ASSERT_PTR_NULL(other);
}

static void expect_bochs_agrees(const char *name, const char *profile)
{
    for (unsigned i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct bytes image = kernel(name, hosts[i]), rom = rom_of(&image), theirs = {NULL, 0, 0};
        struct sim_error error = {.line = 0};
        bool stuck = false;
        struct bytes ours = run(&image, &rom, profile, 1);
        CU_ASSERT_FATAL(bochs_boot(&rom, bochs_model(profile), RAM_MBYTES, 1, &theirs, &stuck, &error));
        CU_ASSERT_FATAL(bytes_add(&theirs, "", 1));
        CU_ASSERT(!stuck);
        compare(name, hosts[i], (char *)ours.data, (char *)theirs.data);
        free(image.data);
        free(rom.data);
        free(ours.data);
        free(theirs.data);
    }
}

static void vmx_instructions_follow_the_manual(void)
{
    expect_all_right("instructions", "sapphire-rapids", 1);
    expect_all_right("instructions", "nehalem", 1);
    expect_all_right("instructions", "skylake-sp", 1);
}

static void bochs_says_the_same_of_vmx_instructions(void)
{
    expect_bochs_agrees("instructions", "bochs-skylake-x");
}

static void transitions_follow_the_manual(void)
{
    expect_all_right("transitions", "sapphire-rapids", 1);
    expect_all_right("transitions", "skylake-sp", 1);
}

static void bochs_says_the_same_of_transitions(void)
{
    expect_bochs_agrees("transitions", "bochs-skylake-x");
}

static void state_components_follow_the_manual(void)
{
    expect_all_right("extended", "sapphire-rapids", 1);
    expect_all_right("extended", "haswell", 1);
    expect_all_right("extended", "nehalem", 1);
}

static void bochs_says_the_same_of_state_components(void)
{
    expect_bochs_agrees("extended", "bochs-tigerlake");
}

SUITE("boot/kernels", {"vmx_instructions_follow_the_manual", vmx_instructions_follow_the_manual},
      {"bochs_says_the_same_of_vmx_instructions", bochs_says_the_same_of_vmx_instructions},
      {"transitions_follow_the_manual", transitions_follow_the_manual}, {"bochs_says_the_same_of_transitions", bochs_says_the_same_of_transitions},
      {"state_components_follow_the_manual", state_components_follow_the_manual},
      {"bochs_says_the_same_of_state_components", bochs_says_the_same_of_state_components})
