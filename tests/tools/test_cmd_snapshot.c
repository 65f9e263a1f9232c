/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench snapshot and what vmxbench run does with its files; replays with --repeat. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <string.h>

#include "tests/support/command.h"

static void expect(const char *line, int status, const char *words)
{
    const int got = shell("{ %s; } 2>&1", line);
    if (got != status || strstr(output, words) == NULL)
        fprintf(stderr, "%s\n  wanted %d: %s\n  got %d: %s\n", line, status, words, got, output);
    CU_ASSERT_EQUAL(got, status);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, words));
}

#define GUEST "mode = 'long', guest = asm [[ mov ecx, 500\n again: dec ecx\n jnz again\n cpuid\n cpuid\n cpuid\n hlt ]],"

static void a_run_goes_on_with_the_bytes_of_the_whole_run(void)
{
    static const char *const instants[] = {"", "--exits 0", "--exits 2", "--instructions 1", "--instructions 777"};
    char line[256];
    CU_ASSERT_EQUAL(shell("$V run --trace whole one.lua"), 0);
    for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
        snprintf(line, sizeof line, "$V snapshot %s -o s one.lua && mv one.lua away && $V run --trace part s && mv away one.lua && cmp whole part",
                 instants[i]);
        expect(line, 0, "ok    one (3 exits)");
    }
}

static void the_verdict_is_that_of_the_whole_run(void)
{
    expect("$V snapshot --exits 1 -o s finals.lua && $V run s", 0, "ok    finals (3 exits)");
    expect("$V snapshot --exits 1 -o s bad.lua && $V run s", 1, "bad.lua:");
}

static void mistakes_are_told(void)
{
    static const struct {
        const char *line, *words;
    } rows[] = {{"$V snapshot one.lua", "-o FILE"},
                {"$V snapshot -o s", "one scenario script"},
                {"$V snapshot --exits 1 --instructions 1 -o s one.lua", "at most one of"},
                {"$V snapshot --exits many -o s one.lua", "a number is wanted"},
                {"$V snapshot --exits 3 -o s one.lua", "is over before that"},
                {"$V snapshot -o s two.lua", "choose one of its scenarios with --name: a b"},
                {"$V snapshot --name c -o s two.lua", "there is no scenario 'c'"},
                {"$V snapshot -o s missing.lua", "missing.lua"},
                {"$V snapshot -o nowhere/s one.lua", "nowhere/s: the snapshot cannot be written"},
                {"$V snapshot -o s one.lua; $V run --set hlt_exiting=0 s", "--set and --profile are for scenario scripts"},
                {"$V snapshot -o s one.lua; printf x >>s; $V run s", "there is more in it than belongs there"},
                {"printf VMXBSNAP >s; $V run s", "it is cut off"},
                {"printf VMXBBARE >s; $V run s", "s: a snapshot of a bare machine, which `vmxbench boot` wrote: vmxbench boot FILE goes on from it"},
                {"$V snapshot -o s one.lua; $V boot s", "s is a snapshot of a scenario's run: vmxbench run FILE goes on from it"},
                {"$V run --repeat 0 one.lua", "a number of replays"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(rows[i].line, 2, rows[i].words);
    CU_ASSERT_EQUAL(shell("$V snapshot --name b -o s two.lua && $V run s"), 0);
}

static void a_scenario_is_replayed_from_its_beginning(void)
{
    expect("$V run --repeat 50 --trace many one.lua && $V run --trace once one.lua && cmp many once", 0, "50 replays in ");
    expect("$V snapshot --exits 2 -o s one.lua && $V run --repeat 3 s", 0, "3 replays in ");
    CU_ASSERT_EQUAL(shell("$V run --repeat 3 bad.lua"), 1);
}

static void set_up_and_run(void)
{
    write_script("one.lua", "return scenario { name = 'one', " GUEST "steps = { expect 'CPUID' {}, expect 'CPUID' {}, expect 'CPUID' {} } }");
    write_script("finals.lua", "return scenario { name = 'finals', mode = 'long', guest_ram = '1M', "
                               "guest = asm [[ mov byte [0x9000], 'M'\n mov byte [0xb8000], 'V'\n cpuid\n cpuid\n cpuid\n hlt ]], "
                               "steps = { expect 'CPUID' {}, expect 'CPUID' {}, expect 'CPUID' {} }, "
                               "final = { stop = 'steps', exits = 3, rip = 0x8016, memory = { [0x9000] = 'M' }, screen = 'V' } }");
    write_script("bad.lua", "return scenario { name = 'bad', " GUEST "steps = { expect 'CPUID' {}, expect 'CPUID' { length = 3 } } }");
    write_script("two.lua", "local s = {}\nfor i, n in ipairs { 'a', 'b' } do\n s[i] = scenario { name = n, " GUEST
                            "steps = { expect 'CPUID' {} } }\nend\nreturn s");
    a_run_goes_on_with_the_bytes_of_the_whole_run();
}

COMMAND_SUITE("tools/cmd_snapshot", {"a_run_goes_on_with_the_bytes_of_the_whole_run", set_up_and_run},
              {"the_verdict_is_that_of_the_whole_run", the_verdict_is_that_of_the_whole_run}, {"mistakes_are_told", mistakes_are_told},
              {"a_scenario_is_replayed_from_its_beginning", a_scenario_is_replayed_from_its_beginning})
