/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands on the screen of a machine whose image stopped, looked at in the simulated machine. */
#include <string.h>

#include "../../../handlers/backend.h"
#include "../../../sim/bare.h"
#include "../../../sim/multiboot.h"
#include "../../support/packed.h"
#include "../../support/suite.h"

extern const uint8_t bochs_kernel[], bochs_kernel_end[];

enum { COLUMNS = 80, ROWS = 25, TEXT_MEMORY = 0xb8000, MEGABYTE = 1 << 20 };

static char screen[ROWS][COLUMNS + 1];

static void run_image(const void *module, uint64_t size, uint64_t ram_mbytes)
{
    const char *message;
    char why[MULTIBOOT_ERROR_BYTES];
    unsigned status;
    const struct sim_bare_options options = {
        .caps = vmx_profile("bochs-skylake-x"), .ram_bytes = ram_mbytes * MEGABYTE, .cpus = 1, .limit = 2000000000};
    const struct multiboot_file file = {module, size, "scenarios"};
    const struct multiboot_request request = {
        .kernel = {bochs_kernel, (uint64_t)(bochs_kernel_end - bochs_kernel), ""}, .modules = &file, .module_count = module != NULL};
    struct bk_machine *machine = sim_bare_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    CU_ASSERT_FATAL(sim_multiboot_load(machine, &request, why));
    (void)sim_bare_run(machine, &status);
    for (unsigned row = 0; row < ROWS; row++) {
        uint16_t cells[COLUMNS];
        CU_ASSERT(bk_read(machine, TEXT_MEMORY + row * sizeof cells, cells, sizeof cells));
        for (unsigned column = 0; column < COLUMNS; column++) {
            CU_ASSERT_EQUAL(cells[column] >> 8, 7);
            screen[row][column] = (char)cells[column];
        }
    }
    sim_machine_free(machine);
}

static bool row_begins(unsigned row, const char *text)
{
    return strncmp(screen[row], text, strlen(text)) == 0;
}

static void the_screen_says_why_the_image_stopped(void)
{
    run_image(NULL, 0, 32);
    CU_ASSERT(row_begins(0, "vmxbench-hw 1 "));
    CU_ASSERT(row_begins(1, "vmxbench-hw: stopped: no boot module"));
    run_image("no scenario", 11, 32);
    CU_ASSERT(row_begins(1, "refused 0: a corrupted module: no packed scenario where one should begin"));
    CU_ASSERT(row_begins(2, "end 1 scenarios, 1 refused "));
    run_image("no scenario", 11, 12);
    CU_ASSERT(row_begins(1, "vmxbench-hw: stopped: too little memory"));
}

/* More lines than the screen has: the last ones stay. */
static void the_screen_scrolls(void)
{
    enum { SCENARIOS = 30 };
    static const uint8_t code[] = {0x0f, 0x01, 0xc1};
    static uint8_t module[SCENARIOS * 4096];
    uint64_t size = 0;
    for (unsigned i = 0; i < SCENARIOS; i++) {
        struct packed p;
        packed_begin(&p, "damaged", "bochs-skylake-x", code, sizeof code);
        struct sim_scenario scenario = packed_end(&p, "bochs-skylake-x");
        scenario.packed[PACKED_HEADER_BYTES] ^= 1;
        memcpy(module + size, scenario.packed, scenario.packed_size);
        size += scenario.packed_size;
        free(scenario.packed);
    }
    run_image(module, size, 32);
    CU_ASSERT(row_begins(ROWS - 2, "end 30 scenarios, 30 refused "));
    CU_ASSERT(row_begins(ROWS - 3, "refused 29: "));
    CU_ASSERT(row_begins(0, "refused 7: "));
}

SUITE("handlers/hw/console", {"the_screen_says_why_the_image_stopped", the_screen_says_why_the_image_stopped},
      {"the_screen_scrolls", the_screen_scrolls})
