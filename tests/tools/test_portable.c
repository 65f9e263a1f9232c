/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same packed scenarios on the simulator and on Bochs' VT-x: the traces agree field by field, time aside. */
#include <stdio.h>
#include <stdlib.h>

#include "../../sim/compare.h"
#include "../../tools/bochs/bochs_run.h"
#include "../../vmx-model/controls.h"
#include "../../vmx-model/reasons.h"
#include "../support/packed.h"
#include "../support/suite.h"

static const char profile[] = "bochs-skylake-x";

enum { SCENARIOS = 3 };

/* xor eax, eax; cpuid; mov eax, 1; cpuid; vmcall */
static const uint8_t cpuid_code[] = {0x31, 0xc0, 0x0f, 0xa2, 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x0f, 0x01, 0xc1};
/* mov edx, 80h; out dx, al; in ax, dx; mov edi, 9000h; mov ecx, 2; rep insb; vmcall */
static const uint8_t io_code[] = {0xba, 0x80, 0, 0, 0, 0xee, 0x66, 0xed, 0xbf, 0, 0x90, 0, 0, 0xb9, 2, 0, 0, 0, 0xf3, 0x6c, 0x0f, 0x01, 0xc1};
/* mov ebx, 200000h, beyond guest RAM; mov al, [rbx]; vmcall */
static const uint8_t ept_code[] = {0xbb, 0, 0, 0x20, 0, 0x8a, 0x03, 0x0f, 0x01, 0xc1};

static void expect_all(struct packed *p, const uint32_t *reasons, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        packed_step(p, STEP_EXPECT, reasons[i], 0);
}

static void make_scenarios(struct sim_scenario scenarios[SCENARIOS])
{
    const uint16_t ports[] = {0x80, 0x80};
    struct packed p;
    packed_begin(&p, "cpuid", profile, cpuid_code, sizeof cpuid_code);
    expect_all(&p, (const uint32_t[]){VMX_EXIT_CPUID, VMX_EXIT_CPUID, VMX_EXIT_VMCALL}, 3);
    scenarios[0] = packed_end(&p, profile);
    packed_begin(&p, "io", profile, io_code, sizeof io_code);
    packed_control(&p, VMX_WORD_PRIMARY, VMX_PRI_USE_IO_BITMAPS);
    packed_add(&p, PACKED_IO_EXITS, ports, sizeof ports);
    expect_all(&p, (const uint32_t[]){VMX_EXIT_IO_INSTRUCTION, VMX_EXIT_IO_INSTRUCTION, VMX_EXIT_IO_INSTRUCTION, VMX_EXIT_VMCALL}, 4);
    scenarios[1] = packed_end(&p, profile);
    packed_begin(&p, "ept", profile, ept_code, sizeof ept_code);
    expect_all(&p, (const uint32_t[]){VMX_EXIT_EPT_VIOLATION, VMX_EXIT_VMCALL}, 2);
    scenarios[2] = packed_end(&p, profile);
}

static void simulator_and_vtx_agree(void)
{
    struct sim_scenario scenarios[SCENARIOS];
    struct bochs_outcome outcomes[SCENARIOS];
    struct sim_trace simulated = {NULL, 0, 0}, real = {NULL, 0, 0};
    struct sim_compared compared;
    struct sim_error error;
    const struct sim_compare_options options = {.known = bochs_known_differences, .known_count = bochs_known_difference_count};
    make_scenarios(scenarios);
    for (unsigned i = 0; i < SCENARIOS; i++)
        CU_ASSERT_FATAL(sim_run_scenario(&scenarios[i], &simulated, &error));
    CU_ASSERT_FATAL(bochs_run(scenarios, SCENARIOS, &real, outcomes, &error));
    for (unsigned i = 0; i < SCENARIOS; i++) {
        CU_ASSERT(outcomes[i].ran);
        CU_ASSERT_STRING_EQUAL(outcomes[i].text, "");
    }
    CU_ASSERT_EQUAL(sim_compare(simulated.bytes, simulated.size, real.bytes, real.size, &options, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.scenarios, SCENARIOS);
    if (compared.text[0] != '\0')
        printf("A is the simulator, B is Bochs\n%s", compared.text);
    free(compared.text);
    sim_trace_free(&simulated);
    sim_trace_free(&real);
    for (unsigned i = 0; i < SCENARIOS; i++)
        free(scenarios[i].packed);
}

SUITE("tools/portable", {"simulator_and_vtx_agree", simulator_and_vtx_agree})
