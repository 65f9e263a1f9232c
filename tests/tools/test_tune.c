/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `vmxbench tune` finds in scripts whose best set is known, and what it refuses. */
#define _DEFAULT_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/suite.h"

#define TUNABLE SOURCE_FOLDER "/scenarios/workloads/tunable.lua"
static char output[1 << 17], script[64], written[64];

static int vmxbench(const char *arguments)
{
    char command[1024];
    snprintf(command, sizeof command, "'%s' %s 2>&1", VMXBENCH, arguments);
    FILE *from = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(from);
    output[fread(output, 1, sizeof output - 1, from)] = '\0';
    const int status = pclose(from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool says(const char *text)
{
    return strstr(output, text) != NULL;
}

/* The command on a script of this text. */
static int on_script(const char *command, const char *text)
{
    char arguments[512];
    snprintf(script, sizeof script, "/tmp/vmxbench-tune-%ld.lua", (long)getpid());
    snprintf(written, sizeof written, "/tmp/vmxbench-tuned-%ld.lua", (long)getpid());
    FILE *to = fopen(script, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    fputs(text, to);
    fclose(to);
    snprintf(arguments, sizeof arguments, "%s %s", command, script);
    return vmxbench(arguments);
}

static void a_set_is_found_bit_by_bit(void)
{
    CU_ASSERT_EQUAL(vmxbench("tune " TUNABLE), 0);
    CU_ASSERT(says("+ primary.use_msr_bitmaps=1"));
    CU_ASSERT(says("  controls = { primary = { use_msr_bitmaps = true, rdtsc_exiting = false, use_io_bitmaps = true } }\n"));
    CU_ASSERT(says("Total                            3001            1        -3000"));
    CU_ASSERT(says("6 runs in 4 rounds."));
}

static void two_searches_say_the_same(void)
{
    static char first[sizeof output];
    CU_ASSERT_EQUAL(vmxbench("tune --json " TUNABLE), 0);
    memcpy(first, output, sizeof first);
    CU_ASSERT_EQUAL(vmxbench("tune --json " TUNABLE), 0);
    CU_ASSERT_STRING_EQUAL(first, output);
    CU_ASSERT(says("\"out_of_runs\":\tfalse"));
    CU_ASSERT(says("\"change\":\t\"primary.use_msr_bitmaps=1\""));
}

static void runs_bound_the_search(void)
{
    CU_ASSERT_EQUAL(vmxbench("tune --runs 2 " TUNABLE), 0);
    CU_ASSERT(says("2 runs in 1 round; there may be more to save, --runs bounds the search."));
    CU_ASSERT(says("{ primary = { rdtsc_exiting = false } }"));
}

/* A random number of the handler's is another one than the processor's; what of it counts the scenario says. */
static void a_change_of_the_result_is_refused(void)
{
    static const char guest[] = "return scenario { name = 'random', controls = { secondary = { 'rdrand_exiting' } },\n"
                                "  guest = asm [[ rdrand rax\n hlt ]], rest = 'any', %s }\n";
    char text[512];
    snprintf(text, sizeof text, guest, "");
    CU_ASSERT_EQUAL(on_script("tune", text), 0);
    CU_ASSERT(says("secondary.rdrand_exiting=0"));
    CU_ASSERT(says("refused: 'random' ends in another state, and no final { } says what of it counts"));
    CU_ASSERT(says("No change saves time here and leaves the guest's result as it is."));
    snprintf(text, sizeof text, guest, "final = { stop = 'halted' }");
    CU_ASSERT_EQUAL(on_script("tune", text), 0);
    CU_ASSERT(says("+ secondary.rdrand_exiting=0"));
    (void)remove(script);
}

static const char two_cpus[] = "return scenario { name = 'bind', vcpus = 2, start = { [1] = 'owner' }, controls = { primary = { 'hlt_exiting' } },\n"
                               "  sources = { { vector = 0x40, period = 20000, vcpu = 1, count = 10 } }, idt = { [0x40] = 'irq' },\n"
                               "  guest = asm [[ mov ecx, 400000\n spin: loop spin\n mov byte [0x9001], 1\n cli\n hlt\n"
                               "   owner: sti\n idle: hlt\n jmp idle\n irq: inc byte [0x9000]\n iretq ]],\n"
                               "  rest = 'any', final = { stop = 'halted', memory = { [0x9000] = '\\x0a\\x01' } } }\n";

static void an_interrupt_is_bound_to_its_owner(void)
{
    char arguments[256];
    CU_ASSERT_EQUAL(on_script("tune --apply /dev/null", two_cpus), 0);
    CU_ASSERT(says("+ affinity 0x40=1"));
    CU_ASSERT(says("  affinity = { [0x40] = 1 }\n"));
    CU_ASSERT(says("EXTERNAL_INTERRUPT                 10            0          -10"));
    snprintf(arguments, sizeof arguments, "tune --apply %s %s", written, script);
    CU_ASSERT_EQUAL(vmxbench(arguments), 0);
    snprintf(arguments, sizeof arguments, "stat --csv %s", written);
    CU_ASSERT_EQUAL(vmxbench(arguments), 0);
    CU_ASSERT(says("HLT,") && !says("EXTERNAL_INTERRUPT"));
    snprintf(arguments, sizeof arguments, "run %s", written);
    CU_ASSERT_EQUAL(vmxbench(arguments), 0);
    (void)remove(written);
    (void)remove(script);
}

static void advise_and_whatif_know_bindings(void)
{
    CU_ASSERT_EQUAL(on_script("advise", two_cpus), 0);
    CU_ASSERT(says("affinity 0x40=1 saves 10 of"));
    CU_ASSERT(says("10 interrupts 0x40 arrive at physical CPU 0 and belong to virtual CPU 1"));
    CU_ASSERT(says("line   affinity = { [0x40] = 1 }"));
    CU_ASSERT_EQUAL(on_script("advise --json", two_cpus), 0);
    CU_ASSERT(says("\"vector\":\t64") && says("\"exits_saved\":\t10"));
    CU_ASSERT_EQUAL(on_script("run -q --trace /tmp/vmxbench-tune.trace", two_cpus), 0);
    CU_ASSERT_EQUAL(vmxbench("advise /tmp/vmxbench-tune.trace"), 0);
    CU_ASSERT(says("affinity 0x40=1 saves at most 10 of "));
    (void)remove("/tmp/vmxbench-tune.trace");
    CU_ASSERT_EQUAL(on_script("whatif --affinity 0x40=1", two_cpus), 0);
    CU_ASSERT(says("EXTERNAL_INTERRUPT                 10            0          -10"));
    CU_ASSERT(says("on physical CPU 0"));
    CU_ASSERT_EQUAL(on_script("whatif --json --affinity 0x40=1", two_cpus), 0);
    CU_ASSERT(says("\"change\":\t\"affinity 0x40=1\"") && says("\"scenarios_lost\":\t0") && says("\"reason\":\t\"EXTERNAL_INTERRUPT\""));
    CU_ASSERT_EQUAL(on_script("run --affinity 64=1", two_cpus), 0);
    CU_ASSERT(says("EXTERNAL_INTERRUPT                 10            0          -10"));
    CU_ASSERT_EQUAL(on_script("stat --pcpu --csv", two_cpus), 0);
    CU_ASSERT(says("\n0x40,1,0,10\n"));
    (void)remove(script);
}

/* Two that compute share a processor, another one is empty. */
static const char crowded[] = "return scenario { name = 'crowd', vcpus = 2, physical_cpus = 2, pin = { [1] = 0 }, start = { [1] = 'work' },\n"
                              "  controls = { primary = { 'hlt_exiting' } },\n"
                              "  guest = asm [[ work: mov ecx, 300000\n spin: loop spin\n mov byte [0x9000 + rdi], 1\n cli\n hlt ]],\n"
                              "  rest = 'any', final = { stop = 'halted', memory = { [0x9000] = '\\x01\\x01' } } }\n";

static void virtual_cpus_are_spread_over_processors(void)
{
    CU_ASSERT_EQUAL(on_script("tune", crowded), 0);
    CU_ASSERT(says("+ pin 0=1") || says("+ pin 1=1"));
    CU_ASSERT(says("  pin = { [0] = 1 }\n") || says("  pin = { [1] = 1 }\n"));
    CU_ASSERT_EQUAL(on_script("advise", crowded), 0);
    CU_ASSERT(says("pin 1=1 saves"));
    CU_ASSERT(says("virtual CPU 1 runs on physical CPU 0 with 1 others, on physical CPU 1 it would with 0"));
    CU_ASSERT_EQUAL(on_script("whatif --pin 1=1", crowded), 0);
    CU_ASSERT(says("on physical CPU 1                   0            1           +1"));
    CU_ASSERT_EQUAL(on_script("tune --only controls,affinity", crowded), 0);
    CU_ASSERT(!says("pin "));
    CU_ASSERT_EQUAL(on_script("tune --only pin", crowded), 2);
    CU_ASSERT(says("vmxbench tune: --only 'pin': the kinds of changes are controls, affinity and pins"));
    CU_ASSERT_EQUAL(on_script("run --pin 2=0", crowded), 2);
    CU_ASSERT(says("there is no vCPU 2, which the changed binding names"));
    (void)remove(script);
}

/* A virtual CPU moves with its interrupts, and all sources move at once. */
static void moves_that_belong_together_are_tried_together(void)
{
    CU_ASSERT_EQUAL(vmxbench("tune --runs 32 " SOURCE_FOLDER "/scenarios/workloads/interrupts.lua"), 0);
    CU_ASSERT(says("+ affinity of all as their owners run"));
    CU_ASSERT(says("pin 1=2 with its interrupts"));
    CU_ASSERT(says("The guest comes to the same."));
}

static void mistakes_give_status_2(void)
{
    CU_ASSERT_EQUAL(vmxbench("tune"), 2);
    CU_ASSERT(says("vmxbench tune: name one scenario script"));
    CU_ASSERT_EQUAL(vmxbench("tune --runs 0 " TUNABLE), 2);
    CU_ASSERT(says("vmxbench tune: --runs '0': a number of runs"));
    CU_ASSERT_EQUAL(vmxbench("tune /tmp/no-such.lua"), 2);
    CU_ASSERT_EQUAL(vmxbench("tune --apply /no/such/folder/x.lua " TUNABLE), 2);
    CU_ASSERT(says("vmxbench tune: /no/such/folder/x.lua cannot be written: No such file or directory"));
    CU_ASSERT_EQUAL(on_script("whatif --affinity 0x41=1", two_cpus), 2);
    CU_ASSERT(says("no source has the vector 0x41"));
    CU_ASSERT_EQUAL(on_script("whatif --affinity 0x40=2", two_cpus), 2);
    CU_ASSERT(says("vector 0x40 goes to physical CPU 2: the scenario has 2 (0 to 1)"));
    CU_ASSERT_EQUAL(on_script("whatif --affinity 40", two_cpus), 2);
    CU_ASSERT(says("vmxbench whatif: --affinity '40': it is VECTOR=CPU[,...]"));
    (void)remove(script);
}

SUITE("tools/tune", {"a_set_is_found_bit_by_bit", a_set_is_found_bit_by_bit}, {"two_searches_say_the_same", two_searches_say_the_same},
      {"runs_bound_the_search", runs_bound_the_search}, {"a_change_of_the_result_is_refused", a_change_of_the_result_is_refused},
      {"an_interrupt_is_bound_to_its_owner", an_interrupt_is_bound_to_its_owner},
      {"virtual_cpus_are_spread_over_processors", virtual_cpus_are_spread_over_processors},
      {"moves_that_belong_together_are_tried_together", moves_that_belong_together_are_tried_together},
      {"advise_and_whatif_know_bindings", advise_and_whatif_know_bindings}, {"mistakes_give_status_2", mistakes_give_status_2})
