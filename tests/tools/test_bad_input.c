/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What scenario scripts get that are wrong: one message with file and line, exit status 2 for bad input and 1 for what did not come as
   expected, nothing left behind, and the other scripts run. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <string.h>

#include "tests/support/command.h"

struct row {
    const char *script, *words;
};

static void run_rows(const struct row *rows, size_t count, int status)
{
    for (size_t i = 0; i < count; i++) {
        write_script("s.lua", rows[i].script);
        const int got = vmxbench("2>&1 run s.lua");
        if (got != status)
            fprintf(stderr, "%s: status %d\n", rows[i].script, got);
        CU_ASSERT_EQUAL(got, status);
        expect_words(rows[i].script, rows[i].words);
    }
}

#define RUN_ROWS(rows, status) run_rows(rows, sizeof rows / sizeof rows[0], status)
/* A scenario whose second line is the given text. */
#define SCENARIO(text) "return scenario { name = 'x', guest = asm [[ vmcall ]],\n" text " }"

static void bad_scripts_give_the_line_and_what_is_wrong(void)
{
    static const struct row rows[] = {
        {"return scenario {\n  name = 'x'\n  guest = 1 }", "s.lua:3: '}' expected"},
        {"local t\nreturn t.x", "s.lua:2: attempt to index a nil value"},
        {"while true do end", "s.lua:1: the script runs too long"},
        {"local t = {}\nfor i = 1, 1e8 do t[i] = 'x' .. i end", "s.lua:2: the script wants too much memory (over 64 MiB)"},
        {"", "s.lua: the script returns nothing; it ends with: return scenario"},
        {"return { name = 'x' }", "s.lua: the script returns something that is not a scenario"},
        {"return {}", "s.lua: the script returns no scenario"},
        {"local t = {} t[1] = t\nreturn t", "s.lua:2: tables are nested too deeply (or a table holds itself)"},
        {"local f = io.open('x')", "s.lua:1: 'io' is not to be had in scenario scripts"},
        {SCENARIO("steps = { expct 'CPUID' {} }"), "s.lua:2: there is no 'expct', did you mean 'expect'?"},
        {SCENARIO("steps = { inject.interupt(3) }"), "s.lua:2: there is no 'inject.interupt', did you mean 'inject.interrupt'?"},
        {SCENARIO("limit = 1.5"), "s.lua:2: limit: 1.5 is not a whole number"},
        {SCENARIO("registers = {\nrax = print }"), "s.lua:3: rax: a function stands where a value is wanted"},
        {"return scenario { guest = asm [[ vmcall ]] }", "s.lua:1: the scenario has no name"},
        {"return scenario { name = 'x' }", "s.lua:1: the scenario has no code"},
        {"return scenario { name = 'a\\nb', guest = asm [[ vmcall ]] }", "s.lua:1: name wants one line of text"},
    };
    RUN_ROWS(rows, 2);
}

static void what_works_without_end_in_a_library_is_refused(void)
{
    static const struct row rows[] = {
        {"\nreturn string.find(('a'):rep(5000), ('.-'):rep(8) .. 'b')", "s.lua:2: the pattern may take too long on a text of 5000 characters"},
        {"\nreturn (('a'):rep(100000):gsub('(.-)(.-)b', 'x'))", "s.lua:2: the pattern may take too long"},
        {"\nreturn ('a'):match(('a'):rep(20000))", "s.lua:2: a pattern of that length takes too long"},
        {"\nreturn table.move({ 1 }, 1, 1e15, 2)", "s.lua:2: table.move of that many values takes too long"},
        {"\nreturn table.move({ 1 }, math.mininteger, math.maxinteger, 2)", "s.lua:2: table.move of that many values takes too long"},
        {"local t = setmetatable({}, { __len = function() return 1 << 40 end })\ntable.insert(t, 1, 3)", "s.lua:1: a table of that length"},
        {"local t = setmetatable({}, { __len = function() return 1 << 40 end })\ntable.remove(t, 1)", "s.lua:1: a table of that length"},
        {"\ntable.insert(nil, 3)", "s.lua:2: bad argument #1 to 'insert' (table expected, got nil)"},
        {"return scenario { name = 'x',\nguest = file '/dev/zero' }", "s.lua:2: file \"/dev/zero\" is no file but a folder, a device or a pipe"},
        {"return scenario { name = 'x',\nguest = file '/tmp' }", "s.lua:2: file \"/tmp\" is no file"},
        {"return scenario { name = 'x', guest = asm [[\nalign 0x40000000\nnop ]] }", "s.lua:2: nasm"},
    };
    RUN_ROWS(rows, 2);
    static const struct row good[] = {
        {"local a, b = ('key = 12'):match('^%s*(%w+)%s*=%s*(%w+)%s*$')\nassert(a == 'key' and b == '12')\n"
         "assert(('x-y*z'):gsub('[-*]', '+') == 'x+y+z' and ('a.b'):find('.', 1, true) == 2)\n"
         "local t = table.move({ 1, 2, 3 }, 1, 3, 2)\ntable.insert(t, 9)\ntable.remove(t, 1)\ntable.sort(t)\n"
         "assert(table.concat(t, ',') == '1,2,3,9')\n"
         "return scenario { name = 'plain', guest = asm [[ vmcall ]], steps = { expect 'VMCALL' {} } }",
         "1 passed"},
    };
    RUN_ROWS(good, 0);
}

static void unknown_names_give_the_nearest(void)
{
    static const struct row rows[] = {
        {SCENARIO("stepps = {}"), "s.lua:2: scenario: unknown key 'stepps', did you mean 'steps'?"},
        {SCENARIO("mode = 'log'"), "s.lua:2: mode: no such name 'log', did you mean 'long'?"},
        {SCENARIO("profile = 'skylake-s'"), "s.lua:2: no such profile 'skylake-s', did you mean 'skylake-sp'?"},
        {SCENARIO("controls = { primry = {} }"), "s.lua:2: no such word of controls 'primry', did you mean 'primary'? (there are pin,"},
        {SCENARIO("controls = { primary = {\n'hlt_exitng' } }"), "s.lua:3: no such primary control 'hlt_exitng', did you mean 'hlt_exiting'?"},
        {SCENARIO("vmcs = { GUEST_RPI = 3 }"), "s.lua:2: no such VMCS field 'GUEST_RPI', did you mean 'GUEST_RIP'?"},
        {SCENARIO("vmcs = { EXIT_REASON = 3 }"), "s.lua:2: VM_EXIT_REASON is written by the processor alone"},
        {SCENARIO("steps = { expect 'VMCAL' {} }"), "s.lua:2: no such exit reason 'VMCAL', did you mean 'VMCALL'?"},
        {SCENARIO("steps = { expect 'IO_INSTRUCTION' { prot = 3 } }"), "s.lua:2: an exit has no 'prot', did you mean 'port'?"},
        {SCENARIO("steps = { expect 'CPUID' { port = 0 } }"), "s.lua:2: an exit CPUID has no 'port'"},
        {SCENARIO("steps = { expect 'VMCALL' { rip = 'nowhere' } }"), "s.lua:2: rip: the guest's code has no label 'nowhere'"},
        {SCENARIO("steps = { expect_entry_failure { check = 'GUEST.CR0.FIXED' } }"), "did you mean 'GUEST.CR0.FIXED0'?"},
    };
    RUN_ROWS(rows, 2);
}

static void contradictions_and_bad_code_give_the_line(void)
{
    static const struct row rows[] = {
        {SCENARIO("controls = { pin = { nmi_exiting = false, virtual_nmis = true } }"),
         "s.lua:2: contradictory controls: pin.virtual_nmis wants pin.nmi_exiting = 1"},
        {SCENARIO("io_bitmap = { 0x80 }"), "contradictory controls: io_bitmap has no effect without"},
        {SCENARIO("controls = { primary = { 'use_io_bitmaps' } }, io_bitmap = { 0x10000 }"), "io_bitmap: 0x10000 is too large"},
        {SCENARIO("vcpus = 9"), "the largest is 0x8"},
        {SCENARIO("guest_ram = '3T'"), "s.lua:2: guest_ram: '3T' is not a size"},
        {"return scenario { name = 'x', guest = asm [[\n  mov eax, 1\n  mvo eax, 2 ]] }", "s.lua:3: nasm: error: parser: instruction expected"},
        {"return scenario { name = 'x', guest = asm [[\n%rep 100000000000\ndq 0\n%endrep ]] }", "s.lua:2: nasm: error: `%rep' count"},
        {"return scenario { name = 'x',\nguest = file 'nowhere.bin' }", "s.lua:2: file \"nowhere.bin\": No such file or directory"},
        {"return scenario { name = 'x',\nguest = 'nop' }",
         "s.lua:2: guest wants asm [[ ... ]], file \"path\", a list of them, or linux { kernel = ... }"},
        {"return scenario { name = 'x',\nguest = asm [[ times 600000 nop ]] }", "do not fit: guest RAM ends at 0x80000"},
    };
    RUN_ROWS(rows, 2);
}

/* Whatever its name, temporary files stand there, and none is left. */
static void temporary_files_go_where_tmpdir_says(void)
{
    static const struct {
        const char *line;
        int status;
        const char *words;
    } rows[] = {
        {"mkdir -p \"a, b\" && chmod 700 \"a, b\" && TMPDIR=\"$PWD/a, b\" $V run s.lua", 0, "1 passed"},
        {"TMPDIR=\"a, b\" $V run s.lua", 0, "1 passed"},
        {"TMPDIR=\"a, b\" $V graph -o s.svg s.lua && test -s s.svg && ls \"a, b\" && echo none is left", 0, "none is left"},
        {"ls -A \"a, b\" | wc -c", 0, "0\n"},
        {"TMPDIR= $V run s.lua", 0, "1 passed"},
        {"TMPDIR=/nowhere $V run s.lua", 2, "s.lua:1: no temporary folder can be made in /nowhere, which TMPDIR names: No such file or directory\n"},
        {"TMPDIR=s.lua $V run s.lua", 2, "s.lua:1: no temporary folder can be made in s.lua, which TMPDIR names: Not a directory\n"},
        {"$V run --trace t s.lua && TMPDIR=/nowhere $V graph -o s.svg t", 2,
         "no temporary file can be made in /nowhere, which TMPDIR names: No such file or directory\n"},
        {"TMPDIR=$(printf %05000d 0) $V run s.lua", 2, "s.lua:1: TMPDIR is longer than 4096 bytes\n"},
    };
    write_script("s.lua", SCENARIO("steps = { expect 'VMCALL' {} }"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int got = shell("{ %s; } 2>&1", rows[i].line);
        if (got != rows[i].status)
            fprintf(stderr, "%s: status %d\n", rows[i].line, got);
        CU_ASSERT_EQUAL(got, rows[i].status);
        expect_words(rows[i].line, rows[i].words);
    }
    CU_ASSERT_EQUAL(shell("rm -r 'a, b' s.svg t"), 0);
}

static void guests_that_go_wrong_fail(void)
{
    static const struct row rows[] = {
        {"return scenario { name = 'x', limit = 1000, guest = asm [[ a: jmp a ]],\nsteps = { expect 'VMCALL' {} } }",
         "s.lua:2: expected VMCALL, but the run ended: the limit of guest instructions was reached\n  after 0 exits and 1000 guest instructions, at "
         "rip "
         "0x8000 (a): jmp 0x8000\n"},
        {"return scenario { name = 'x', limit = 1000, guest = asm [[ a: jmp a ]] }", "s.lua:1: the limit of guest instructions was reached\n"},
        {"return scenario { name = 'x', guest = asm [[ lidt [rel none]\nud2\nnone: dq 0, 0 ]],\nsteps = { expect 'VMCALL' {} } }",
         "s.lua:4: expected VMCALL, got TRIPLE_FAULT\n  exit 1: TRIPLE_FAULT at rip 0x8007: ud2\n"},
        {SCENARIO("steps = { expect 'VMCALL' {\n rax = 3 } }"),
         "s.lua:2: VMCALL: rax: expected 0x3, got 0x0\n  exit 1: VMCALL at rip 0x8000: vmcall\n"},
        {SCENARIO("steps = { expect 'VMCALL' {} }, final = {\n rax = 3 }"), "s.lua:3: at the end: rax: expected 0x3, got 0x0\n"},
        {"return scenario { name = 'x', guest = asm [[ vmcall ]] }", "no exit was expected any more, got VMCALL"},
    };
    RUN_ROWS(rows, 1);
    static const struct row good[] = {
        {"return scenario { name = 'x', limit = 1000, guest = asm [[ a: jmp a ]], final = { stop = 'limit' } }", "1 passed"},
        {"\xef\xbb\xbfreturn scenario { name = 'byte-order mark', guest = asm [[ vmcall ]], steps = { expect 'VMCALL' {} } }", "1 passed"},
    };
    RUN_ROWS(good, 0);
}

static void files_that_are_no_scripts_are_told_from_them(void)
{
    static const char binary[] = "\x7f"
                                 "ELF\0\0\0\0";
    write_script("s.lua", SCENARIO("steps = { expect 'VMCALL' {} }"));
    CU_ASSERT_EQUAL(vmxbench("2>&1 run -q --trace t.trace s.lua"), 0);
    CU_ASSERT_EQUAL(vmxbench("2>&1 run t.trace"), 2);
    expect_words("run t.trace", "t.trace: not a scenario script but a trace: `vmxbench stat` and `vmxbench graph` read those\n");
    write_file("b.bin", binary, sizeof binary);
    CU_ASSERT_EQUAL(vmxbench("2>&1 run b.bin"), 2);
    expect_words("run b.bin", "b.bin: not a scenario script but binary data\n");
}

static void the_other_scripts_run(void)
{
    write_script("bad.lua", "return");
    write_script("good.lua", SCENARIO("steps = { expect 'VMCALL' {} }"));
    for (unsigned jobs = 1; jobs <= 2; jobs++) {
        CU_ASSERT_EQUAL(vmxbench("2>&1 run -j %u nowhere.lua bad.lua good.lua", jobs), 2);
        expect_words("run -j", "nowhere.lua: no such file or folder\n");
        expect_words("run -j", "bad.lua: the script returns nothing");
        expect_words("run -j", "ok    x (1 exit)\n1 passed, 0 failed, 2 unusable\n");
    }
    CU_ASSERT_EQUAL(vmxbench("2>&1 run --tap nowhere.lua good.lua 2>/dev/null"), 2);
    CU_ASSERT_STRING_EQUAL(output, "TAP version 13\nnot ok 1 - nowhere.lua\n# nowhere.lua: no such file or folder\nok 2 - x\n1..2\n");
}

static void reports_survive_any_name(void)
{
    write_script("s.lua", "return scenario { name = 'a # SKIP <b> & \"c\" \\xff \\u{fffe}', guest = asm [[ vmcall ]],\n"
                          "steps = { expect 'VMCALL' { rax = 1 } } }");
    CU_ASSERT_EQUAL(vmxbench("2>&1 run --tap s.lua"), 1);
    expect_words("run --tap", "\nnot ok 1 - a \\# SKIP <b> & \"c\" \xff");
    CU_ASSERT_EQUAL(vmxbench("2>&1 run --junit - s.lua 2>/dev/null"), 1);
    expect_words("run --junit",
                 " name=\"a # SKIP &lt;b&gt; &amp; &quot;c&quot; \xef\xbf\xbd \xef\xbf\xbd\">\n    <failure message=\"s.lua:2: VMCALL: rax:");
    expect_words("run --junit", "tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\">");
}

static void output_that_cannot_be_written_leaves_nothing(void)
{
    write_script("s.lua", SCENARIO("steps = { expect 'VMCALL' {} }"));
    CU_ASSERT_EQUAL(vmxbench("2>&1 run --trace nowhere/t s.lua"), 2);
    expect_words("run --trace nowhere/t", "vmxbench run: nowhere/t cannot be written: No such file or directory");
    CU_ASSERT_EQUAL(vmxbench("2>&1 run --junit nowhere/t s.lua"), 2);
    CU_ASSERT_EQUAL(vmxbench("2>&1 run --format json s.lua >/dev/full"), 2);
    expect_words("run --format json", "standard output cannot be written");
    CU_ASSERT_EQUAL(vmxbench("2>&1 run --trace . s.lua"), 2);
    CU_ASSERT_EQUAL(vmxbench("2>&1 graph -o x.svg bad.lua"), 2);
    write_script("cut.trace", "VMXT");
    CU_ASSERT_EQUAL(vmxbench("2>&1 stat cut.trace"), 2);
    expect_words("stat cut.trace", "too short for a trace");
    CU_ASSERT_EQUAL(vmxbench("2>&1 run -q --trace - s.lua 2>/dev/null >t.trace; ls | tr '\\n' ' '"), 0);
    CU_ASSERT_STRING_EQUAL(output, "b.bin bad.lua cut.trace good.lua s.lua t.trace ");
}

/* What is no file stays what it is. */
static void devices_pipes_and_links_keep_their_place(void)
{
    write_script("s.lua", SCENARIO("steps = { expect 'VMCALL' {} }"));
    CU_ASSERT_EQUAL(shell("mkfifo pipe; cat pipe >behind & \"$V\" run -q --trace pipe s.lua && wait && test -p pipe && test -s behind"), 0);
    CU_ASSERT_EQUAL(shell("ln -s behind link; \"$V\" run -q --trace link s.lua && test -L link && cmp link behind"), 0);
    CU_ASSERT_EQUAL(shell("\"$V\" run -q --trace /dev/null s.lua && test -c /dev/null"), 0);
    CU_ASSERT_EQUAL(vmxbench("2>&1 run -q --trace /dev/full s.lua"), 2);
    expect_words("run --trace /dev/full", "/dev/full: cannot write the trace: No space left on device");
}

COMMAND_SUITE("tools/bad_input", {"bad_scripts_give_the_line_and_what_is_wrong", bad_scripts_give_the_line_and_what_is_wrong},
              {"what_works_without_end_in_a_library_is_refused", what_works_without_end_in_a_library_is_refused},
              {"unknown_names_give_the_nearest", unknown_names_give_the_nearest},
              {"contradictions_and_bad_code_give_the_line", contradictions_and_bad_code_give_the_line},
              {"temporary_files_go_where_tmpdir_says", temporary_files_go_where_tmpdir_says},
              {"guests_that_go_wrong_fail", guests_that_go_wrong_fail},
              {"files_that_are_no_scripts_are_told_from_them", files_that_are_no_scripts_are_told_from_them},
              {"the_other_scripts_run", the_other_scripts_run}, {"reports_survive_any_name", reports_survive_any_name},
              {"output_that_cannot_be_written_leaves_nothing", output_that_cannot_be_written_leaves_nothing},
              {"devices_pipes_and_links_keep_their_place", devices_pipes_and_links_keep_their_place})
