/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scenario loader: what it packs, and one test for each thing it refuses. */
#define _GNU_SOURCE
#include "sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handlers/bench/bench.h"
#include "handlers/bench/packed.h"
#include "tests/support/suite.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"

struct loaded {
    struct sim_scenario *scenarios;
    size_t count;
    struct sim_error error;
    bool good;
};

static struct loaded load_with(const char *text, const struct sim_override *overrides, size_t override_count)
{
    struct loaded loaded = {0};
    char path[] = "/tmp/vmxbench-test-XXXXXX";
    const int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_FATAL(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    loaded.good = sim_scenario_load(path, overrides, override_count, &loaded.scenarios, &loaded.count, &loaded.error);
    unlink(path);
    return loaded;
}

static struct loaded load(const char *text)
{
    return load_with(text, NULL, 0);
}

static void unload(struct loaded *loaded)
{
    sim_scenario_free(loaded->scenarios, loaded->count);
}

/* The n-th record of a kind, from 0. */
static bool find_record(const struct sim_scenario *scenario, enum packed_kind kind, unsigned n, struct packed_record *record)
{
    struct packed_reader reader;
    if (packed_open(&reader, scenario->packed, scenario->packed_size) != NULL)
        return false;
    while (packed_next(&reader, record))
        if (record->kind == (uint32_t)kind && n-- == 0)
            return true;
    return false;
}

/* ---- what is refused ---- */
struct refusal {
    const char *script; /* body of scenario { }, behind name and guest; or a whole script when it begins with '!' */
    unsigned line;      /* in the script; 0: not looked at */
    const char *message;
};

static const struct refusal refusals[] = {
    /* the script itself */
    {"!return scenario { name = }", 1, "unexpected symbol near '}'"},
    {"!\nlocal x = nil + 1", 2, "attempt to perform arithmetic on a nil value"},
    {"!return 7", 0, "the script returns something that is not a scenario: return scenario { name = \"...\", ... }"},
    {"!return {}", 0, "the script returns no scenario"},
    {"!return scenario 'x'", 1, "scenario wants a table: scenario { name = \"...\", ... }"},
    {"!return scenario { guest = asm '' }", 1, "the scenario has no name"},
    {"!return scenario { name = 'x' }", 1, "the scenario has no code: guest = asm [[ ... ]]"},
    {"!return { scenario { name = 'x', guest = asm 'nop' }, scenario { name = 'x', guest = asm 'nop' } }", 1, "two scenarios have the name 'x'"},
    {"!\n\nwhile true do end", 3, "the script runs too long"},
    {"!local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end", 0, "the script wants too much memory (over 64 MiB)"},
    {"!local t = {} t.t = t return scenario { name = 'x', guest = t }", 0, "tables are nested too deeply (or a table holds itself)"},
    {"!return scenario { name = 'x', guest = function() end }", 0, "a function stands where a value is wanted"},
    {"!return scenario { name = 'x', guest = asm 'nop', [1.5] = 1 }", 0, "a table key is a number: keys are names or whole numbers"},
    {"!return scenario { name = 'x', guest = asm 'nop', limit = 1.5 }", 0, "is not a whole number"},
    {"!setmetatable({}, { __gc = print })", 1, "__gc is not to be had in scenario scripts"},
    {"!io.open('/etc/passwd')", 1, "'io' is not to be had in scenario scripts"},
    {"!os.exit(0)", 1, "'os' is not to be had in scenario scripts"},
    {"!load('return 1')()", 1, "'load' is not to be had in scenario scripts"},
    {"!require 'x'", 1, "'require' is not to be had in scenario scripts"},
    {"!pcall(print)", 1, "'pcall' is not to be had in scenario scripts"},
    {"!debug.sethook()", 1, "'debug' is not to be had in scenario scripts"},
    /* keys and simple values */
    {"contrls = {}", 3, "scenario: unknown key 'contrls', did you mean 'controls'?"},
    {"name = 7", 3, "name wants a text"},
    {"profile = 'skylakee'", 3, "no such profile 'skylakee'"},
    {"mode = 'lang'", 3, "mode: no such name 'lang', did you mean 'long'?"},
    {"guest_ram = '12Q'", 3, "guest_ram: '12Q' is not a size: 0x100000, \"512K\", \"64M\" or \"1G\""},
    {"guest_ram = 4096", 3, "guest_ram is from 512K to 2G, a multiple of 4 KBytes"},
    {"vcpus = 9", 1, "vcpus: 0x9 is too large, the largest is 0x8"},
    {"vcpus = 0", 3, "vcpus is 1 to 8"},
    {"vcpus = 2, start = { [2] = 0x8000 }", 3, "start wants vCPUs that are there"},
    {"physical_cpus = 9", 1, "physical_cpus: 0x9 is too large, the largest is 0x8"},
    {"physical_cpus = 0", 3, "physical_cpus is 1 to 8"},
    {"pin = { [1] = 0 }", 3, "pin wants vCPUs that are there"},
    {"vcpus = 2, pin = { [1] = 2 }", 3, "there is no physical CPU 2: the scenario has 2 (physical_cpus = ...)"},
    {"quantum = 0", 3, "quantum is 1 to 1000000000 instructions"},
    {"quantum = 1000000001", 1, "quantum: 0x3b9aca01 is too large"},
    {"rest = 'any', steps = { move(1, 0) }", 3, "there is no vCPU 1"},
    {"rest = 'any', steps = { move(0, 1) }", 3, "there is no physical CPU 1: the scenario has 1 (physical_cpus = ...)"},
    {"rest = 'any', steps = { move(0) }", 3, "move wants a virtual CPU and a physical CPU: move(1, 0)"},
    {"rest = 'any', vcpus = 2, steps = { on(1, after(9, move(0, 1))) }", 3, "after counts instructions of the vCPU that moves"},
    {"steps = { expect 'CPUID' { vcpu = 1 } }", 3, "there is no vCPU 1: the scenario has 1 (vcpus = ...)"},
    /* interrupt sources */
    {"sources = 7", 3, "sources wants a table"},
    {"sources = { network = {} }", 3, "sources wants a list"},
    {"sources = { { vector = 0x40, periods = 1 } }", 3, "sources: unknown key 'periods', did you mean 'period'?"},
    {"sources = { { vector = 0x40 } }", 3, "a source wants at least vector and period"},
    {"sources = { { vector = 15, period = 10 } }", 3, "a vector is 16 to 255"},
    {"sources = { { vector = 0x40, period = 10, vcpu = 1 } }", 3, "sources: there is no vCPU 1: the scenario has 1 (vcpus = ...)"},
    {"sources = { { vector = 0x40, period = 0 } }", 3, "a period is 1 to 2^40 ticks"},
    {"sources = { { vector = 0x40, period = 10, jitter = 6 } }", 3, "jitter is at most half the period"},
    {"sources = { { vector = 0x40, period = 10, jitter = 5, first = 4 } }", 3, "first is the jitter to 2^40 ticks"},
    {"sources = { { vector = 0x40, period = 10 }, { vector = 0x40, period = 20 } }", 3, "two sources have the vector 0x40"},
    {"sources = { { vector = 0x40, period = 10 } }, affinity = { [0x41] = 0 }", 3, "affinity: no source has the vector 0x41"},
    {"sources = { { vector = 0x40, period = 10 } }, affinity = { [0x40] = 1 }", 3, "vector 0x40 goes to physical CPU 1: the scenario has 1 (0 to 0)"},
    {"affinity = { [0x40] = 0 }", 3, "affinity: no source has the vector 0x40"},
    {"affinity = { network = 0 }", 3, "affinity wants physical CPUs by vector, 16 to 255"},
    {"rest = 'all'", 3, "rest is \"any\", or it is left out"},
    /* controls */
    {"controls = { primry = {} }", 3, "no such word of controls 'primry', did you mean 'primary'?"},
    {"controls = { primary = { 'use_io_bitmapz' } }", 3, "no such primary control 'use_io_bitmapz', did you mean 'use_io_bitmaps'?"},
    {"controls = { primary = { 'nmi_exiting' } }", 3, "'nmi_exiting' is not a primary control but a pin control"},
    {"controls = { primary = { 'hlt_exiting', hlt_exiting = false } }", 3, "the control 'hlt_exiting' is both set and cleared"},
    {"controls = { primary = 'hlt_exiting' }", 3, "primary wants a table"},
    {"controls = { primary = { hlt_exiting = 1 } }", 3, "primary wants names of controls, or name = true or false"},
    {"controls = { 'hlt_exiting' }", 3, "controls are given by word: controls = { primary = { \"hlt_exiting\" } }"},
    {"controls = { secondary = { enable_ept = false, 'unrestricted_guest' } }", 3,
     "contradictory controls: secondary.unrestricted_guest wants secondary.enable_ept = 1"},
    {"controls = { primary = { 'nmi_window_exiting' } }", 3, "contradictory controls: primary.nmi_window_exiting wants pin.virtual_nmis = 1"},
    {"controls = { secondary = { 'enable_encls_exiting' } }", 3, "does not offer secondary.enable_encls_exiting"},
    {"controls = { pin = { reserved_1 = false } }", 3, "pin.reserved_1 is fixed to 1 on the processor"},
    {"io_bitmap = { 0x80 }", 3, "contradictory controls: io_bitmap has no effect without controls = { primary = { \"use_io_bitmaps\" } }"},
    {"msr_bitmap = { 0x10 }", 3, "contradictory controls: msr_bitmap has no effect without controls = { primary = { \"use_msr_bitmaps\" } }"},
    {"io_bitmap = { 0x10000 }", 0, "io_bitmap: 0x10000 is too large, the largest is 0xffff"},
    {"io_bitmap = { { 9, 1 } }", 3, "io_bitmap: a range is { first, last }, first not above last"},
    {"msr_bitmap = { 0x2000 }", 3, "msr_bitmap: it has bits for MSRs 0 to 0x1fff and 0xc0000000 to 0xc0001fff; others always exit"},
    {"msr_bitmap = { reads = { 1 } }", 3, "msr_bitmap: unknown key 'reads': there are read and write, or a plain list for both"},
    {"exception_bitmap = { '#XX' }", 3, "exception_bitmap: no such name '#XX'"},
    {"exception_bitmap = { 32 }", 3, "exception_bitmap: vectors are 0 to 31"},
    /* state */
    {"vmcs = { GUEST_RPI = 1 }", 3, "no such VMCS field 'GUEST_RPI', did you mean 'GUEST_RIP'?"},
    {"vmcs = { EXIT_QUALIFICATION = 1 }", 3, "EXIT_QUALIFICATION is written by the processor alone"},
    {"vmcs = { GUEST_RIP = 'nowhere' }", 3, "GUEST_RIP: the guest's code has no label 'nowhere'"},
    {"vmcs = { GUEST_RIP = 'here+x' }", 3, "GUEST_RIP: 'x' is not a number after the label"},
    {"vmcs = { GUEST_RIP = true }", 0, "GUEST_RIP wants a number or a label"},
    {"vmcs = { ENCLV_EXITING_BITMAP = 1 }", 3, "has no field ENCLV_EXITING_BITMAP"},
    {"registers = { eax = 1 }", 3, "no such register 'eax'"},
    {"idt = { [256] = 'here' }", 3, "idt: vectors are 0 to 255"},
    {"idt = { [3] = { 'here', dpl = 4 } }", 0, "idt: dpl: 0x4 is too large, the largest is 0x3"},
    {"pages = { { linear = 1 } }", 3, "pages: linear is not a multiple of 4 KBytes"},
    {"pages = { { lineal = 0 } }", 3, "pages: unknown key 'lineal', did you mean 'linear'?"},
    {"mode = 'protected', pages = { { linear = 0 } }", 3, "pages: only mode \"long\" has page tables to change"},
    {"ept = { { guest = 0x9000, rights = 'q' } }", 3, "ept: rights are letters out of r, w and x; none takes the page away"},
    {"ept = { { guest = 0x9001, rights = 'r' } }", 3, "ept: guest and bytes are multiples of the page size"},
    {"msr_load = { { indx = 1 } }", 3, "msr_load: unknown key 'indx', did you mean 'index'?"},
    {"policy = { exceptions = 'ignore' }", 3, "exceptions: no such name 'ignore'"},
    {"policy = { device = true }", 3, "policy: unknown key 'device', did you mean 'devices'?"},
    {"msrs = { [1] = { writeable = true } }", 3, "msrs: unknown key 'writeable', did you mean 'writable'?"},
    /* memory and code */
    {"memory = { [0x80000000000] = 'x' }", 0, "do not fit: guest RAM ends at 0x80000"},
    {"memory = { [0x7fff8] = '0123456789' }", 0, "do not fit: guest RAM ends at 0x80000"},
    {"memory = { [0x9000] = { 256 } }", 0, "memory: byte values are numbers from 0 to 255"},
    {"memory = { [0x9000] = file '/nonexistent' }", 3, "file \"/nonexistent\": No such file or directory"},
    {"memory = { [0x9000] = asm 'here: nop' }", 3, "the label 'here' stands twice in the guest's code"},
    {"!return scenario { name = 'x', guest = asm [[\n nop\n mov qax, 1\n nop\n]] }", 3, "nasm: error:"},
    {"!return scenario { name = 'x', guest = asm [[\n nop\n jmp gone\n]] }", 3, "symbol `gone' not defined"},
    {"!return scenario { name = 'x', guest = asm('nop', { bits = 48 }) }", 1, "asm: bits are 16, 32 or 64"},
    /* steps */
    {"steps = { expect 'CPUIDD' {} }", 3, "no such exit reason 'CPUIDD', did you mean 'CPUID'?"},
    {"steps = { expect 'CPUID' { prot = 1 } }", 3, "an exit has no 'prot', did you mean 'port'?"},
    {"steps = { expect 'IO_INSTRUCTION' { direction = 'up' } }", 3, "direction: no such value 'up'"},
    {"steps = { expect 'CPUID' { rip = 'gone' } }", 3, "rip: the guest's code has no label 'gone'"},
    {"steps = { expect 'CPUID' { rip = { valu = 1, mask = 1 } } }", 3, "rip: unknown key 'valu', did you mean 'value'?"},
    {"steps = { expect 'CPUID' 'x' }", 3, "expect wants a table of expected values: expect \"CPUID\" {}"},
    {"steps = { expect {} }", 3, "expect wants the name of an exit reason: expect \"CPUID\" {}"},
    {"steps = { expect_entry_failure { check = 'GUEST.CR0.FIXEDD0' } }", 3,
     "no such check of VM entry 'GUEST.CR0.FIXEDD0', did you mean 'GUEST.CR0.FIXED0'?"},
    {"steps = { expect_entry_failure { check = 'GUEST.CR0.FIXED0', error = 7 } }", 3,
     "expect_entry_failure wants one of check, error, reason and invalid"},
    {"steps = { expect_entry_failure { error = 7, qualification = 0 } }", 3, "VMfail gives no exit information to expect"},
    {"steps = { inject.nmi() }", 3, "nothing runs after this stimulus: end with an expectation, or say rest = \"any\""},
    {"steps = { inject.interrupt() }", 3, "inject.interrupt wants a vector: inject.interrupt(0x20)"},
    {"steps = { inject.interrupt(3), expect 'CPUID' {} }", 3, "an interrupt's vector is 16 to 255"},
    {"steps = { after(1, expect 'CPUID' {}) }", 3, "after wants inject.interrupt, nmi, init or sipi"},
    {"steps = { write.field('GUEST_RPI', 1) }", 3, "no such VMCS field 'GUEST_RPI', did you mean 'GUEST_RIP'?"},
    {"steps = { write.register('ax', 1) }", 3, "no such register 'ax'"},
    {"steps = { write.memory(0x9000) }", 3, "write.memory wants bytes: a string, a table of byte values, or file \"path\""},
    {"steps = { control { primary = { 'hlt_exitting' } } }", 3, "no such primary control 'hlt_exitting', did you mean 'hlt_exiting'?"},
    {"steps = { 7 }", 3, "steps wants a list of expectations and stimuli"},
    {"steps = { first = expect 'CPUID' {} }", 3, "steps: a step stands under the name 'first'; steps have no names"},
    /* the end */
    {"final = { rax = {} }", 0, "rax wants a number or a label"},
    {"final = { exit = 1 }", 3, "final: unknown key 'exit', did you mean 'exits'?"},
    {"final = { stop = 'halt' }", 3, "final: stop: no such name 'halt', did you mean 'halted'?"},
    {"final = { screen = 'x' }", 3, "final: screen stands in memory at 0xb8000: guest_ram = \"1M\" or more"},
    {"guest_ram = '1M', final = { screen = 1 }", 3, "final: screen wants a text that stands on the text screen, or a list of them"},
    {"guest_ram = '1M', final = { screen = { 'x', 1 } }", 3, "final: screen wants a text that stands on the text screen, or a list of them"},
    {"final = { output = 1 }", 3, "final: output wants a text that the guest's console shows"},
};

static void every_mistake_is_refused_where_it_stands(void)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        char text[1024];
        if (refusal->script[0] == '!')
            snprintf(text, sizeof text, "%s", refusal->script + 1);
        else
            snprintf(text, sizeof text, "return scenario {%s\n  guest = asm [[ here: cpuid ]],\n  %s\n}\n",
                     strncmp(refusal->script, "name", 4) == 0 ? "" : " name = 'x',", refusal->script);
        struct loaded loaded = load(text);
        const bool as_it_should =
            !loaded.good && strstr(loaded.error.message, refusal->message) != NULL && (refusal->line == 0 || loaded.error.line == refusal->line);
        if (!as_it_should)
            printf("\n%s\n  wanted %u: %s\n  got    %u: %s\n", text, refusal->line, refusal->message, loaded.error.line, loaded.error.message);
        CU_ASSERT_TRUE(as_it_should);
        unload(&loaded);
    }
}

static void missing_file_is_refused(void)
{
    struct sim_scenario *scenarios;
    size_t count;
    struct sim_error error;
    CU_ASSERT_FALSE(sim_scenario_load("/nonexistent.lua", NULL, 0, &scenarios, &count, &error));
    CU_ASSERT_STRING_EQUAL(error.file, "/nonexistent.lua");
    CU_ASSERT_STRING_EQUAL(error.message, "No such file or directory");
}

static void byte_code_is_refused(void)
{
    struct loaded loaded = load("\033LuaS");
    CU_ASSERT_FALSE(loaded.good);
    CU_ASSERT_PTR_NOT_NULL(strstr(loaded.error.message, "attempt to load a binary chunk"));
}

/* ---- what is packed ---- */
#define CODE "guest = asm [[\n nop\n here: cpuid\n .local: nop\n]],"

static void code_is_assembled_for_the_mode(void)
{
    static const struct {
        const char *mode;
        unsigned bits;
        const char *bytes;
        size_t size;
    } rows[] = {{"long", 64, "\x66\xb8\x01\x00", 4}, {"protected", 32, "\x66\xb8\x01\x00", 4}, {"real", 16, "\xb8\x01\x00", 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        struct packed_record record;
        snprintf(text, sizeof text, "return scenario { name = 'x', mode = '%s', guest = asm [[ mov ax, 1 ]] }", rows[i].mode);
        struct loaded loaded = load(text);
        CU_ASSERT_TRUE_FATAL(loaded.good);
        CU_ASSERT_EQUAL(loaded.scenarios[0].code_bits, rows[i].bits);
        CU_ASSERT_TRUE_FATAL(find_record(&loaded.scenarios[0], PACKED_MEMORY, 0, &record));
        CU_ASSERT_EQUAL(packed_u64(&record, 0), BENCH_CODE);
        CU_ASSERT_EQUAL_FATAL(record.size, 8 + rows[i].size);
        CU_ASSERT_EQUAL(memcmp(record.payload + 8, rows[i].bytes, rows[i].size), 0);
        unload(&loaded);
    }
}

static void labels_become_symbols(void)
{
    struct loaded loaded = load("return scenario { name = 'x', " CODE " vmcs = { GUEST_RIP = 'here+1' } }");
    struct packed_record record;
    CU_ASSERT_TRUE_FATAL(loaded.good);
    const struct sim_scenario *s = &loaded.scenarios[0];
    CU_ASSERT_EQUAL_FATAL(s->symbol_count, 2);
    CU_ASSERT_STRING_EQUAL(s->symbols[0].name, "here");
    CU_ASSERT_EQUAL(s->symbols[0].address, BENCH_CODE + 1);
    CU_ASSERT_STRING_EQUAL(s->symbols[1].name, "here.local");
    CU_ASSERT_TRUE_FATAL(find_record(s, PACKED_FIELD, 0, &record));
    CU_ASSERT_EQUAL(packed_u32(&record, 0), 0x681e);
    CU_ASSERT_EQUAL(packed_u64(&record, 8), BENCH_CODE + 2);
    unload(&loaded);
}

static void expectation_is_packed_with_its_line(void)
{
    struct loaded loaded = load("return scenario { name = 'x', " CODE
                                "\nsteps = {\n expect 'IO_INSTRUCTION' { port = 0x80, direction = 'in', rax = { value = 0x10, mask = 0xf0 } } } }");
    struct packed_record record;
    struct packed_step step;
    const uint8_t *extra;
    CU_ASSERT_TRUE_FATAL(loaded.good && find_record(&loaded.scenarios[0], PACKED_STEP, 0, &record) && packed_step_of(&record, &step, &extra));
    CU_ASSERT_EQUAL(step.kind, STEP_EXPECT);
    CU_ASSERT_EQUAL(step.a, VMX_EXIT_IO_INSTRUCTION);
    CU_ASSERT_EQUAL(step.line, 7);
    CU_ASSERT_EQUAL_FATAL(step.extra, 3 * sizeof(struct packed_match));
    const struct packed_match *match = (const struct packed_match *)(const void *)extra;
    CU_ASSERT_TRUE(match[0].item == MATCH_DIRECTION && match[0].value == 1 && match[0].mask == UINT64_MAX);
    CU_ASSERT_TRUE(match[1].item == MATCH_PORT && match[1].value == 0x80);
    CU_ASSERT_TRUE(match[2].item == MATCH_REGISTER && match[2].value == 0x10 && match[2].mask == 0xf0);
    unload(&loaded);
}

static void failed_entry_by_check_knows_its_outcome(void)
{
    static const struct {
        const char *check;
        uint32_t a;
        uint64_t b;
        size_t matches;
    } rows[] = {
        {"CTL.PIN.ALLOWED0", ENTRY_FAIL_VALID, 7, 0}, {"HOST.CR0.FIXED0", ENTRY_FAIL_VALID, 8, 0}, {"GUEST.CR0.FIXED0", ENTRY_FAIL_EXIT, 33, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        struct packed_record record;
        struct packed_step step;
        const uint8_t *extra;
        snprintf(text, sizeof text, "return scenario { name = 'x', " CODE " steps = { expect_entry_failure { check = '%s' } } }", rows[i].check);
        struct loaded loaded = load(text);
        if (!loaded.good)
            printf("%s\n", loaded.error.message);
        CU_ASSERT_TRUE_FATAL(loaded.good && find_record(&loaded.scenarios[0], PACKED_STEP, 0, &record) && packed_step_of(&record, &step, &extra));
        CU_ASSERT_TRUE(step.kind == STEP_EXPECT_ENTRY_FAILURE && step.a == rows[i].a && step.b == rows[i].b);
        CU_ASSERT_EQUAL(step.extra, rows[i].matches * sizeof(struct packed_match));
        unload(&loaded);
    }
}

static void wrong_controls_are_allowed_where_a_failure_is_expected(void)
{
    struct loaded loaded = load("return scenario { name = 'x', " CODE " controls = { primary = { 'nmi_window_exiting' } },"
                                " steps = { expect_entry_failure { error = 7 } } }");
    CU_ASSERT_TRUE(loaded.good);
    unload(&loaded);
}

static void overrides_change_controls(void)
{
    const struct sim_override override = {.word = "primary", .control = "use_io_bitmaps", .value = false};
    const struct sim_override unknown = {.word = "primary", .control = "use_io_bitmapz", .value = true};
    const char *text = "return scenario { name = 'x', " CODE " controls = { primary = { 'use_io_bitmaps' } }, io_bitmap = { 1 } }";
    struct packed_record record;
    struct loaded loaded = load_with(text, &override, 1);
    CU_ASSERT_TRUE_FATAL(loaded.good && find_record(&loaded.scenarios[0], PACKED_CONTROL, 0, &record));
    CU_ASSERT_EQUAL(packed_u32(&record, 0), VMX_WORD_PRIMARY);
    CU_ASSERT_EQUAL(packed_u64(&record, 8), 0);
    CU_ASSERT_EQUAL(packed_u64(&record, 16), VMX_PRI_USE_IO_BITMAPS);
    unload(&loaded);
    loaded = load_with(text, &unknown, 1);
    CU_ASSERT_FALSE(loaded.good);
    CU_ASSERT_STRING_EQUAL(loaded.error.message, "no such primary control 'use_io_bitmapz', did you mean 'use_io_bitmaps'?");
}

static void affinity_is_packed_with_its_source_and_can_be_changed(void)
{
    const char *text = "return scenario { name = 'x', " CODE " vcpus = 2, sources = { { vector = 0x40, period = 9, jitter = 4, seed = 3, vcpu = 1 },"
                       " { vector = 0x50, period = 8, first = 5, count = 2 } }, affinity = { [0x50] = 1 } }";
    const struct sim_override change = {.word = SIM_OVERRIDE_AFFINITY, .key = 0x40, .number = 1},
                              none = {.word = SIM_OVERRIDE_AFFINITY, .key = 0x41, .number = 1};
    static const uint64_t numbers[2][5] = {{9, 4, 9, 0, 3}, {8, 0, 5, 2, 0}};
    struct packed_record record;
    for (unsigned changed = 0; changed < 2; changed++) {
        struct loaded loaded = load_with(text, &change, changed);
        CU_ASSERT_TRUE_FATAL(loaded.good);
        for (unsigned i = 0; i < 2; i++) {
            CU_ASSERT_TRUE_FATAL(find_record(&loaded.scenarios[0], PACKED_SOURCE, i, &record));
            CU_ASSERT_EQUAL(packed_u32(&record, 0), i == 0 ? 0x40 : 0x50);
            CU_ASSERT_EQUAL(packed_u32(&record, 4), i == 0);
            CU_ASSERT_EQUAL(packed_u32(&record, 8), i == 0 ? changed : 1);
            for (unsigned n = 0; n < 5; n++)
                CU_ASSERT_EQUAL(packed_u64(&record, 16 + 8 * n), numbers[i][n]);
        }
        unload(&loaded);
    }
    struct loaded loaded = load_with(text, &none, 1);
    CU_ASSERT_FALSE(loaded.good);
    CU_ASSERT_STRING_EQUAL(loaded.error.message, "no source has the vector 0x41, which the changed affinity names");
}

static void a_binding_comes_after_the_scripts_own(void)
{
    const char *text = "return scenario { name = 'x', " CODE " vcpus = 2, physical_cpus = 3, pin = { [1] = 2 } }";
    const struct sim_override changes[] = {{.word = SIM_OVERRIDE_PIN, .key = 1, .number = 0},
                                           {.word = SIM_OVERRIDE_PIN, .key = 2, .number = 0},
                                           {.word = SIM_OVERRIDE_PIN, .key = 0, .number = 3}};
    static const char *const wrong[] = {"there is no vCPU 2, which the changed binding names",
                                        "vCPU 0 goes to physical CPU 3: the scenario has 3 (0 to 2)"};
    struct packed_record record;
    struct loaded loaded = load_with(text, &changes[0], 1);
    CU_ASSERT_TRUE_FATAL(loaded.good && find_record(&loaded.scenarios[0], PACKED_PIN, 1, &record));
    CU_ASSERT(packed_u32(&record, 0) == 1 && packed_u32(&record, 4) == 0);
    unload(&loaded);
    for (unsigned i = 0; i < 2; i++) {
        loaded = load_with(text, &changes[1 + i], 1);
        CU_ASSERT_FALSE(loaded.good);
        CU_ASSERT_STRING_EQUAL(loaded.error.message, wrong[i]);
    }
}

static void sweeps_make_many_scenarios(void)
{
    struct loaded loaded =
        load("local all = {}\nfor port = 1, 40 do\n all[#all + 1] = scenario { name = 'p' .. port, guest = asm [[ nop ]] }\nend\nreturn all");
    CU_ASSERT_TRUE_FATAL(loaded.good);
    CU_ASSERT_EQUAL_FATAL(loaded.count, 40);
    CU_ASSERT_STRING_EQUAL(loaded.scenarios[39].name, "p40");
    CU_ASSERT_EQUAL(loaded.scenarios[39].line, 3);
    unload(&loaded);
}

/* Lua's own tables are walked in an order that differs from run to run. */
static void iteration_is_in_a_fixed_order(void)
{
    struct loaded loaded = load("local names = ''\nfor k in pairs { b = 1, a = 1, [2] = 1, c = 1, [1] = 1 } do names = names .. k end\n"
                                "return scenario { name = names, guest = asm 'nop' }");
    CU_ASSERT_TRUE_FATAL(loaded.good);
    CU_ASSERT_STRING_EQUAL(loaded.scenarios[0].name, "12abc");
    unload(&loaded);
}

static void portability_is_computed(void)
{
    static const struct {
        const char *body;
        bool portable;
    } rows[] = {
        {"steps = { expect 'CPUID' {} }", true},
        {"steps = { inject.nmi(), expect 'CPUID' {} }", true},
        {"steps = { after(0, inject.nmi()), expect 'CPUID' {} }", true},
        {"steps = { after(3, inject.nmi()), expect 'CPUID' {} }", false},
        {"steps = { inject.init(), expect 'CPUID' {} }", false},
        {"policy = { devices = true }", false},
        {"controls = { pin = { 'activate_vmx_preemption_timer' } }", true},
        {"controls = { pin = { 'activate_vmx_preemption_timer' } }, vmcs = { VMX_PREEMPTION_TIMER_VALUE = 1 }", false},
        {"controls = { pin = { 'activate_vmx_preemption_timer' } }, steps = { write.field('VMX_PREEMPTION_TIMER_VALUE', 1), expect 'CPUID' {} }",
         false},
        {"steps = { control { pin = { 'activate_vmx_preemption_timer' } }, expect 'CPUID' {} }", false},
        {"controls = { secondary = { 'pause_loop_exiting' } }", false},
        {"controls = { primary = { 'pause_exiting' }, secondary = { 'pause_loop_exiting' } }", true},
        {"profile = 'haswell'", false},
        {"profile = 'bochs-tigerlake'", true},
        {"lacks = { 'secondary.enable_pml' }", false},
        {"sources = { { vector = 0x40, period = 10 } }", false},
        {"sources = {}", true},
        {"final = { instructions = 1 }", false},
        {"final = { exits = 1 }, rest = 'any'", true},
        {"profile = 'bochs-tigerlake', steps = { step_over(1), expect 'MONITOR_TRAP_FLAG' {} }", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        struct packed_record record;
        snprintf(text, sizeof text, "return scenario { name = 'x', " CODE " %s }", rows[i].body);
        struct loaded loaded = load(text);
        CU_ASSERT_TRUE_FATAL(loaded.good);
        CU_ASSERT_EQUAL(loaded.scenarios[0].portable, rows[i].portable);
        CU_ASSERT_EQUAL(find_record(&loaded.scenarios[0], PACKED_PORTABLE, 0, &record), rows[i].portable);
        CU_ASSERT_EQUAL(loaded.scenarios[0].not_portable_because[0] == '\0', rows[i].portable);
        unload(&loaded);
    }
}

static void code_that_shows_the_machine_is_not_portable(void)
{
    static const struct {
        const char *code, *more;
        bool portable;
    } rows[] = {
        {"rdtsc", "", false},
        {"rdtsc\nvmcall", "", false},
        {"rdtsc\nxor eax, eax\nxor edx, edx\nvmcall", "", true},
        {"rdtsc\nxor eax, eax\nvmcall", "", false},
        {"rdtsc\nmov edx, 1\nmov eax, 2\nvmcall", "", true},
        {"rdtscp\nvmcall", "", true}, /* #UD */
        {"rdtscp\nvmcall", "controls = { secondary = { 'enable_rdtscp' } }", false},
        {"mov ecx, 0x10\nrdmsr\nvmcall", "", false},
        {"mov ecx, 0x174\nrdmsr\nvmcall", "", true},
        {"rdrand eax\nvmcall", "", false},
        {"rdrand eax\nvmcall", "controls = { secondary = { 'rdrand_exiting' } }", true},
        {"rdseed eax\nvmcall", "", false},
        {"in al, 0x60\nvmcall", "", false},
        {"in al, 0x60\nvmcall", "controls = { primary = { 'unconditional_io_exiting' } }", true},
        {"out 0x80, al\nvmcall", "", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "return scenario { name = 'x', guest = asm [[%s]], %s }", rows[i].code, rows[i].more);
        struct loaded loaded = load(text);
        CU_ASSERT_TRUE_FATAL(loaded.good);
        CU_ASSERT_EQUAL(loaded.scenarios[0].portable, rows[i].portable);
        unload(&loaded);
    }
}

static void same_script_packs_to_the_same_bytes(void)
{
    const char *text = "return scenario { name = 'x', " CODE " registers = { rax = 1, rbx = 2, r8 = 3 }, vmcs = { GUEST_RSP = 1, GUEST_CR3 = 2 } }";
    struct loaded first = load(text), second = load(text);
    CU_ASSERT_TRUE_FATAL(first.good && second.good);
    CU_ASSERT_EQUAL_FATAL(first.scenarios[0].packed_size, second.scenarios[0].packed_size);
    CU_ASSERT_EQUAL(memcmp(first.scenarios[0].packed, second.scenarios[0].packed, first.scenarios[0].packed_size), 0);
    unload(&first);
    unload(&second);
}

SUITE("sim/scenario", {"every_mistake_is_refused_where_it_stands", every_mistake_is_refused_where_it_stands},
      {"missing_file_is_refused", missing_file_is_refused}, {"byte_code_is_refused", byte_code_is_refused},
      {"code_is_assembled_for_the_mode", code_is_assembled_for_the_mode}, {"labels_become_symbols", labels_become_symbols},
      {"expectation_is_packed_with_its_line", expectation_is_packed_with_its_line},
      {"failed_entry_by_check_knows_its_outcome", failed_entry_by_check_knows_its_outcome},
      {"wrong_controls_are_allowed_where_a_failure_is_expected", wrong_controls_are_allowed_where_a_failure_is_expected},
      {"overrides_change_controls", overrides_change_controls},
      {"affinity_is_packed_with_its_source_and_can_be_changed", affinity_is_packed_with_its_source_and_can_be_changed},
      {"a_binding_comes_after_the_scripts_own", a_binding_comes_after_the_scripts_own}, {"sweeps_make_many_scenarios", sweeps_make_many_scenarios},
      {"iteration_is_in_a_fixed_order", iteration_is_in_a_fixed_order}, {"portability_is_computed", portability_is_computed},
      {"code_that_shows_the_machine_is_not_portable", code_that_shows_the_machine_is_not_portable},
      {"same_script_packs_to_the_same_bytes", same_script_packs_to_the_same_bytes})
