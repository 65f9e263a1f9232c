/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command as people type it: help, mistakes, the manuals, files that appear whole or not at all. */
#define _DEFAULT_SOURCE
#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "example_trace.h"
#include "tests/support/command.h"
#include "tools/wrap.h"
#include "vmx-model/checks.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/reasons_zh.h"

static unsigned lines(const char *text)
{
    unsigned count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static bool fits_columns(char *text, unsigned columns)
{
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (text_columns(line) > columns) {
            fprintf(stderr, "too wide: %s\n", line);
            return false;
        }
    return true;
}

static struct example example;

static void help_is_everywhere(void)
{
    static const char *const commands[] = {"",     "run",       "stat",   "graph",  "reasons", "fields", "controls", "checks", "bench",
                                           "diff", "calibrate", "whatif", "advise", "boot",    "tune",   "explain",  "limits", "snapshot"};
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        CU_ASSERT_EQUAL(vmxbench("%s --help", commands[i]), 0);
        CU_ASSERT_EQUAL(strncmp(output, "usage: vmxbench", 15), 0);
        CU_ASSERT(fits_columns(output, WRAP_COLUMNS));
    }
    CU_ASSERT_EQUAL(vmxbench("boot --help"), 0); /* each form has a line */
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "--bios FILE\n       vmxbench boot [options] SNAPSHOT\n"));
    CU_ASSERT_EQUAL(vmxbench("--version"), 0);
    CU_ASSERT_EQUAL(strncmp(output, "vmxbench ", 9), 0);
}

/* --cpu and --profile are one, and a family is enough of a name. */
static void profiles_are_named_as_people_name_them(void)
{
    write_script("cpu.lua", "return scenario { name = 'cpu', guest = asm [[ cpuid ]], steps = { expect 'CPUID' {} } }");
    CU_ASSERT_EQUAL(vmxbench("run --cpu haswell cpu.lua"), 0);
    CU_ASSERT_EQUAL(vmxbench("run --profile=skylake cpu.lua"), 0);
    CU_ASSERT_EQUAL(vmxbench("run --cpu=skylak cpu.lua 2>&1"), 2);
    CU_ASSERT_STRING_EQUAL(output, "vmxbench run: CPU profile 'skylak': did you mean skylake-sp or bochs-skylake-x?\n");
    CU_ASSERT_EQUAL(vmxbench("run --profile bochs cpu.lua 2>&1"), 2); /* there are two */
}

static void what_is_empty_or_a_folder_is_told(void)
{
    example_usual(&example);
    write_file("some.trace", example.bytes, example.size);
    CU_ASSERT_EQUAL(vmxbench("stat --vcpu 7 some.trace 2>&1 >stat.out"), 0);
    CU_ASSERT_STRING_EQUAL(output, "some.trace: virtual CPU 7 has no VM exit in it\n");
    CU_ASSERT_EQUAL(vmxbench("graph --vcpu 7 -o empty.dot some.trace 2>&1"), 0);
    CU_ASSERT_STRING_EQUAL(output, "some.trace: virtual CPU 7 has no VM exit in it\n");
    CU_ASSERT_EQUAL(vmxbench("stat . 2>&1"), 2);
    CU_ASSERT_STRING_EQUAL(output, "vmxbench stat: . is a folder: `vmxbench run --trace FILE .` makes a trace of its scenarios\n");
    write_script("sealed.lua", "return scenario { name = 'sealed', guest = asm [[ cpuid ]], steps = { expect 'CPUID' {} } }");
    CU_ASSERT_EQUAL(vmxbench("run -q --trace sealed.trace sealed.lua && \"$V\" stat sealed.trace"), 0);
    CU_ASSERT_EQUAL(
        shell("for at in 20 40 60; do cp sealed.trace bit.trace; printf '\\377' | dd of=bit.trace bs=1 seek=$at conv=notrunc 2>/dev/null; "
              "\"$V\" stat bit.trace 2>&1 >/dev/null || echo $?; done"),
        0);
    CU_ASSERT_STRING_EQUAL(output, "bit.trace: the trace is damaged: its CRC-32 is another\n2\n"
                                   "bit.trace: the trace is damaged: its CRC-32 is another\n2\n"
                                   "bit.trace: the trace is damaged: its CRC-32 is another\n2\n");
    write_file("cut.trace", example.bytes, example.size - 3);
    CU_ASSERT_EQUAL(vmxbench("diff some.trace cut.trace 2>&1"), 2);
    CU_ASSERT_EQUAL(strncmp(output, "cut.trace: the trace is cut off or damaged at byte ", 51), 0);
}

static void mistakes_give_one_line_and_status_2(void)
{
    static const struct {
        const char *arguments, *says;
    } cases[] = {
        {"reasns", "did you mean reasons?"},
        {"zzzzzz", "`vmxbench --help` lists the commands"},
        {"reasons --jsno", "did you mean --json?"},
        {"reasons --json=1", "takes no value"},
        {"reasons CR_ACESS", "did you mean CR_ACCESS"},
        {"reasons CPUID HLT", "ask for one at a time"},
        {"reasons --lang fr", "the languages are en and zh"},
        {"reasons ''", "lists them all"},
        {"reasons 0x80000056", "lists them all"},
        {"reasons 0x10021", "lists them all"},
        {"reasons GETSEC --lang zh", "no exit reason with a Chinese text"},
        {"reasons CR_ACESS --lang=zh", "did you mean CR_ACCESS"},
        {"fields GUEST_RPI", "did you mean GUEST_RIP"},
        {"fields 0x9999", "no VMCS field"},
        {"controls use_msr_bitmap", "did you mean use_msr_bitmaps"},
        {"checks GUEST.CR0.FIXED", "did you mean GUEST.CR0.FIXED0"},
        {"stat", "name one trace or scenario"},
        {"stat --key=size x", "the keys are sample and time"},
        {"stat --vcpu 9 x", "a number from 0 to 7 is wanted"},
        {"stat --key", "needs a value"},
        {"stat /nonexistent", "No such file or directory"},
        {"stat /dev/null", "too short for a trace"},
        {"graph x.trace", "-o FILE.svg"},
        {"graph -o x.gif x.trace", "the name ends in .svg, .png or .dot"},
        {"graph --sequence=x -o x.svg y", "a number from 0 to 1000 is wanted"},
        {"graph -x", "unknown option '-x'"},
        {"run", "name scenario files or folders"},
        {"run --frmat text x", "did you mean --format?"},
        {"run --format xml x", "there are text, json, ftrace and chrome"},
        {"run -j 0 x", "a number of worker processes from 1 to 64 is wanted"},
        {"run -j 4294967297 x", "a number of worker processes from 1 to 64 is wanted"},
        {"run --on moon x", "there are sim, bochs, inside, image and image:LINE"},
        {"run --on image: x", "there are sim, bochs, inside, image and image:LINE"},
        {"run --profile haswel x", "CPU profile 'haswel': did you mean haswell?"},
        {"diff x", "name two traces or scenarios"},
        {"diff --knwn x y", "did you mean --known?"},
        {"diff --profile x y z", "the profiles are nehalem haswell"},
        {"diff /nonexistent /nonexistent", "No such file or directory"},
        {"run --set x x", "it is CONTROL=0 or CONTROL=1"},
        {"run --set primary.hlt_exiting=2 x", "it is CONTROL=0 or CONTROL=1"},
        {"run --set primary.hlt_exitng=1 x", "no primary control 'hlt_exitng'; did you mean hlt_exiting?"},
        {"run --set primry.hlt_exiting=1 x", "no word of controls 'primry'; did you mean primary?"},
        {"run --set load_ia32_pat=1 x", "write exit.load_ia32_pat or entry.load_ia32_pat"},
        {"run --set hlt_exitng=1 x", "no control 'hlt_exitng'; did you mean hlt_exiting or"},
        {"run --trace - --format text x", "give one of them a file"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(vmxbench("%s 2>&1 >/dev/null", cases[i].arguments), 2);
        if (strstr(output, cases[i].says) == NULL)
            fprintf(stderr, "%s: %s", cases[i].arguments, output);
        CU_ASSERT_PTR_NOT_NULL(strstr(output, cases[i].says));
        CU_ASSERT_EQUAL(lines(output), 1);
    }
    CU_ASSERT_EQUAL(vmxbench("2>/dev/null"), 2);
}

static char *whole_file(const char *path)
{
    static char text[1 << 16];
    FILE *from = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(from);
    text[fread(text, 1, sizeof text - 1, from)] = '\0';
    fclose(from);
    return text;
}

static void the_man_page_and_readme_are_in_step_with_help(void)
{
    char names[32][24];
    unsigned count = 0;
    CU_ASSERT_EQUAL(vmxbench("--help"), 0);
    for (char *line = strtok(output, "\n"); line != NULL && count < 32; line = strtok(NULL, "\n"))
        if (strncmp(line, "  ", 2) == 0 && line[2] >= 'a' && line[2] <= 'z' && sscanf(line, "%23s", names[count]) == 1)
            count++;
    CU_ASSERT(count >= 10);
    const char *readme = whole_file(SOURCE_FOLDER "/README.md");
    for (unsigned i = 0; i < count; i++) {
        if (strstr(readme, names[i]) == NULL)
            fprintf(stderr, "README.md does not have %s\n", names[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(readme, names[i]));
    }
    const char *page = whole_file(SOURCE_FOLDER "/tools/vmxbench.1");
    for (unsigned i = 0; i < count; i++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(page, names[i]));
        CU_ASSERT_EQUAL(vmxbench("%.23s --help", names[i]), 0);
        for (const char *at = output; (at = strstr(at, "--")) != NULL;) {
            char escaped[64] = "\\-\\-";
            const size_t length = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
            snprintf(escaped + 4, sizeof escaped - 4, "%.*s", (int)length, at + 2);
            if (strstr(page, escaped) == NULL)
                fprintf(stderr, "the man page does not have %s of %s\n", escaped, names[i]);
            CU_ASSERT_PTR_NOT_NULL(strstr(page, escaped));
            at += 2 + length;
        }
    }
}

static void manuals_list_every_entry(void)
{
    static const struct {
        const char *command;
        unsigned entries, columns;
    } manuals[] = {{"reasons", VMX_REASON_LIMIT + 6, WRAP_COLUMNS},
                   {"fields", VMCS_FIELD_COUNT, WRAP_COLUMNS},
                   {"controls", 0, WRAP_COLUMNS},
                   {"checks", VMX_CHECK_COUNT - 1, WRAP_COLUMNS}};
    for (unsigned i = 0; i < sizeof manuals / sizeof manuals[0]; i++) {
        CU_ASSERT_EQUAL(vmxbench("%s", manuals[i].command), 0);
        CU_ASSERT_TRUE(fits_columns(output, manuals[i].columns));
        CU_ASSERT_EQUAL(vmxbench("%s --json", manuals[i].command), 0);
        cJSON *array = cJSON_Parse(output);
        CU_ASSERT_PTR_NOT_NULL_FATAL(array);
        CU_ASSERT_EQUAL((unsigned)cJSON_GetArraySize(array), manuals[i].entries != 0 ? manuals[i].entries : vmx_control_count);
        const cJSON *entry;
        cJSON_ArrayForEach(entry, array) CU_ASSERT_PTR_NOT_NULL(cJSON_GetObjectItem(entry, "name"));
        cJSON_Delete(array);
    }
}

static void every_reason_has_a_page_in_both_languages(void)
{
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++) {
        CU_ASSERT_EQUAL(vmxbench("reasons %s", vmx_reasons[i].name), 0);
        CU_ASSERT_EQUAL(strncmp(output, vmx_reasons[i].name, strlen(vmx_reasons[i].name)), 0);
        CU_ASSERT_TRUE(fits_columns(output, WRAP_COLUMNS));
        if (vmx_reasons[i].seed_name == NULL)
            continue;
        CU_ASSERT_EQUAL(vmxbench("reasons %s --lang zh", vmx_reasons[i].seed_name), 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(output, "\xe8\xa7\xa3\xe5\x86\xb3\xe6\x96\xb9\xe6\xb3\x95"));
        CU_ASSERT_TRUE(fits_columns(output, WRAP_COLUMNS));
    }
}

static void the_chinese_list_has_the_53_reasons(void)
{
    CU_ASSERT_EQUAL(vmxbench("reasons --lang zh"), 0);
    for (unsigned i = 0; i < vmx_reason_zh_count; i++)
        CU_ASSERT_PTR_NOT_NULL(strstr(output, vmx_reasons_zh[i].seed_name));
    CU_ASSERT_PTR_NULL(strstr(output, "GETSEC"));
    CU_ASSERT_TRUE(fits_columns(output, WRAP_COLUMNS));
    CU_ASSERT_EQUAL(vmxbench("reasons --lang zh --json"), 0);
    cJSON *array = cJSON_Parse(output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(array);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(array), 53);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, array) CU_ASSERT_PTR_NOT_NULL(cJSON_GetObjectItem(entry, "resolution"));
    cJSON_Delete(array);
    CU_ASSERT_EQUAL(vmxbench("reasons --lang zh failed_vmentry"), 0);
    CU_ASSERT_EQUAL(strncmp(output, "FAILED_VMENTRY: 31\n", 19), 0);
}

static void names_are_taken_as_people_write_them(void)
{
    static const struct {
        const char *arguments, *title;
    } cases[] = {
        {"reasons rdtsmp", "RDTSCP: exit reason 51\n"},
        {"reasons exit_reason_msr_write", "MSR_WRITE: exit reason 32\n"},
        {"reasons 0x30", "EPT_VIOLATION: exit reason 48\n"},
        {"reasons 0x80000021", "INVALID_STATE: exit reason 33\n"},
        {"reasons FAILED_VMENTRY", "FAILED_VMENTRY: flag of the exit-reason field, bit 31\n"},
        {"fields 'guest rip'", "GUEST_RIP: VMCS field 0x681e\n"},
        {"fields 681e", "GUEST_RIP: VMCS field 0x681e\n"},
        {"fields 0x2001", "IO_BITMAP_A: VMCS field 0x2000\n"},
        {"controls vmx-hlt-exit", "primary.hlt_exiting: PRIMARY[7]\n"},
        {"controls 'primary[7]'", "primary.hlt_exiting: PRIMARY[7]\n"},
        {"controls exit.load_ia32_pat", "exit.load_ia32_pat: EXIT[19]\n"},
        {"checks guest.cr0.fixed0", "GUEST.CR0.FIXED0: VM-entry check "},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(vmxbench("%s", cases[i].arguments), 0);
        CU_ASSERT_EQUAL(strncmp(output, cases[i].title, strlen(cases[i].title)), 0);
    }
    CU_ASSERT_EQUAL(vmxbench("reasons 0x80000021"), 0); /* the flag is shown behind the reason */
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "\nFAILED_VMENTRY: flag of the exit-reason field, bit 31\n"));
    CU_ASSERT_EQUAL(vmxbench("controls load_ia32_pat"), 0); /* in two words: both are shown */
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "exit.load_ia32_pat: EXIT[19]\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "entry.load_ia32_pat: ENTRY[14]\n"));
}

/* ---- with a trace in a folder of its own ---- */

static void stat_prints_the_columns_of_perf(void)
{
    example_usual(&example);
    write_file("usual.trace", example.bytes, example.size);
    CU_ASSERT_EQUAL(vmxbench("stat usual.trace"), 0);
    CU_ASSERT_STRING_EQUAL(output, "\n\nAnalyze events for all VMs, all VCPUs:\n\n"
                                   "             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time \n\n"
                                   "               CPUID          2    33.33%    26.82%      1.50us      2.00us      1.75us ( +-  14.29% )\n"
                                   "    INTERRUPT_WINDOW          1    16.67%    11.11%      1.45us      1.45us      1.45us ( +-   0.00% )\n"
                                   "              VMCALL          1    16.67%     4.60%      0.60us      0.60us      0.60us ( +-   0.00% )\n"
                                   "      IO_INSTRUCTION          1    16.67%    10.73%      1.40us      1.40us      1.40us ( +-   0.00% )\n"
                                   "       EPT_VIOLATION          1    16.67%    46.74%      6.10us      6.10us      6.10us ( +-   0.00% )\n"
                                   "\nTotal Samples:6, Total events handled time:13.05us.\n\n");
    CU_ASSERT_EQUAL(vmxbench("stat --key time --csv usual.trace"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "deviation_percent\nEPT_VIOLATION,1,16.67,6100,46.74,6100,6100,6100.00,0.00\n"));
    CU_ASSERT_EQUAL(vmxbench("stat --vcpu 3 usual.trace"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "VCPU 3:"));
    CU_ASSERT_EQUAL(vmxbench("stat --json usual.trace"), 0);
    cJSON *json = cJSON_Parse(output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_EQUAL(cJSON_GetObjectItem(json, "total_samples")->valueint, 6);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(cJSON_GetObjectItem(json, "events")), 5);
    cJSON_Delete(json);
}

static void a_scenario_is_run_where_a_trace_is_wanted(void)
{
    write_script("two.lua", "return scenario { name = 'two', mode = 'long', guest = asm [[ cpuid\ncpuid\nvmcall ]],\n"
                            "steps = { expect 'CPUID' {}, expect 'CPUID' {}, expect 'VMCALL' {} } }\n");
    CU_ASSERT_EQUAL(vmxbench("run --trace two.trace two.lua"), 0);
    CU_ASSERT_EQUAL(vmxbench("stat --csv two.lua"), 0);
    CU_ASSERT_EQUAL(strncmp(strchr(output, '\n'), "\nCPUID,2,66.67,", 15), 0);
    static char of_script[4096];
    snprintf(of_script, sizeof of_script, "%.4000s", output);
    CU_ASSERT_EQUAL(vmxbench("stat --csv two.trace"), 0);
    CU_ASSERT_STRING_EQUAL(output, of_script);
    CU_ASSERT_EQUAL(vmxbench("graph -o - two.lua"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "<b>CPUID</b>"));
    write_script("bad.lua", "return scenario {\n");
    CU_ASSERT_EQUAL(vmxbench("stat bad.lua 2>&1 >/dev/null"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "bad.lua:"));
    CU_ASSERT_EQUAL(lines(output), 1);
}

static void a_damaged_trace_gives_status_2_and_the_place(void)
{
    example_usual(&example);
    write_file("cut.trace", example.bytes, example.size - 4);
    CU_ASSERT_EQUAL(vmxbench("stat cut.trace 2>&1 >/dev/null"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "cut off or damaged at byte"));
    CU_ASSERT_EQUAL(vmxbench("graph -o cut.svg cut.trace 2>&1"), 2);
}

static unsigned files_in_folder(void)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void pictures_appear_whole_or_not_at_all(void)
{
    struct stat file;
    char path[128];
    example_usual(&example);
    write_file("usual.trace", example.bytes, example.size);
    const unsigned before = files_in_folder();
    CU_ASSERT_EQUAL(vmxbench("graph -o nowhere/x.svg usual.trace 2>/dev/null"), 2);
    CU_ASSERT_EQUAL(vmxbench("graph -o /dev/full/x.svg /dev/null 2>/dev/null"), 2);
    CU_ASSERT_EQUAL(files_in_folder(), before);
    CU_ASSERT_EQUAL(vmxbench("graph -o x.svg usual.trace"), 0);
    CU_ASSERT_EQUAL(vmxbench("graph -o x.dot usual.trace"), 0);
    CU_ASSERT_EQUAL(files_in_folder(), before + 2);
    snprintf(path, sizeof path, "%s/x.svg", folder);
    CU_ASSERT_EQUAL(stat(path, &file), 0);
    CU_ASSERT_EQUAL(vmxbench("graph -o - usual.trace"), 0);
    CU_ASSERT_EQUAL(strncmp(output, "digraph exits {", 15), 0);
}

static void output_that_cannot_be_written_gives_status_2(void)
{
    CU_ASSERT_EQUAL(vmxbench("reasons 2>&1 >/dev/full"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "standard output cannot be written"));
}

static void diff_explains_the_first_divergence(void)
{
    write_script("one.lua", "return scenario { name = 'one', guest = asm 'cpuid\\nvmcall', steps = { expect 'CPUID' {}, expect 'VMCALL' {} } }");
    write_script("other.lua", "return scenario { name = 'other', guest = asm 'cpuid\\ncpuid', steps = { expect 'CPUID' {}, expect 'CPUID' {} } }");
    CU_ASSERT_EQUAL(vmxbench("diff one.lua one.lua"), 0);
    CU_ASSERT_STRING_EQUAL(output, "1 scenario, no difference\n");
    CU_ASSERT_EQUAL(vmxbench("diff --time one.lua other.lua"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "one: after 1 VM exits that agree: a VM exit VMCALL at 0x8002\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "reason               A 0x12  B 0xa  (differing bits 0x18)\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "1 of 1 scenario differs\n"));
    CU_ASSERT_EQUAL(vmxbench("run -q --trace one.trace one.lua"), 0);
    CU_ASSERT_EQUAL(vmxbench("diff --known one.trace one.lua"), 0);
    CU_ASSERT_EQUAL(vmxbench("diff --profile haswell one.trace one.lua"), 1);
}

static void on_bochs_says_what_it_cannot_run(void)
{
    write_script("many.lua",
                 "return { scenario { name = 'shown', guest = asm 'hlt', controls = { primary = { 'hlt_exiting' } }, steps = { expect 'HLT' {} } },\n"
                 "  scenario { name = 'counted', guest = asm 'nop\\nvmcall', steps = { expect 'VMCALL' {} }, final = { instructions = 1 } } }");
    CU_ASSERT_EQUAL(vmxbench("run --on bochs many.lua"), BOCHS_THERE ? 0 : 2);
    if (BOCHS_THERE)
        CU_ASSERT_STRING_EQUAL(output, "ok    shown (1 exit)\n"
                                       "skip  counted: not portable: it expects a number of instructions\n"
                                       "1 passed, 0 failed, 1 skipped\n");
    CU_ASSERT_EQUAL(vmxbench("run --on bochs --tap many.lua"), BOCHS_THERE ? 0 : 2);
    if (BOCHS_THERE)
        CU_ASSERT_PTR_NOT_NULL(strstr(output, "ok 2 - counted # SKIP not portable: it expects a number of instructions\n1..2\n"));
    /* Only nasm is to be found. */
    CU_ASSERT_EQUAL(shell("ln -s \"$(command -v nasm)\" nasm && PATH=%s \"$V\" run --on bochs many.lua 2>&1", folder), 2);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(output, BOCHS_THERE ? "vmxbench run --on bochs: Bochs is not installed (Debian: bochs, bochs-term)\n" : "without the hardware image"));
}

/* The image boots as a hypervisor on the simulated machine. */
static void on_inside_gives_what_native_handlers_give(void)
{
    write_script("in.lua", "return { scenario { name = 'shown', guest = asm 'cpuid\\nvmcall', steps = { expect 'CPUID' {}, expect 'VMCALL' {} } },\n"
                           "  scenario { name = 'wrong', guest = asm 'vmcall', steps = { expect 'CPUID' {} } } }");
    CU_ASSERT_EQUAL(vmxbench("run --on inside --trace in.trace in.lua"), BOCHS_THERE ? 1 : 2);
    if (!BOCHS_THERE)
        return;
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "ok    shown (2 exits)\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "in.lua:2: expected CPUID, got VMCALL"));
    CU_ASSERT_EQUAL(vmxbench("diff --profile bochs-skylake-x in.trace in.lua"), 0);
    CU_ASSERT_EQUAL(vmxbench("run --on inside --repeat 2 in.lua"), 2);
    /* What the image finds there is a profile: that of the machine. */
    CU_ASSERT_EQUAL(vmxbench("run -q --on inside --profile sapphire-rapids --write-profile in.profile in.lua"), 1);
    CU_ASSERT_EQUAL(vmxbench("run --profile in.profile --trace again.trace in.lua"), 1);
    CU_ASSERT_EQUAL(vmxbench("run -q --on inside --profile in.profile --write-profile again.profile in.lua"), 1);
    CU_ASSERT_EQUAL(shell("cmp %s/in.profile %s/again.profile", folder, folder), 0);
    CU_ASSERT_EQUAL(vmxbench("run --write-profile in.profile in.lua"), 2);
    CU_ASSERT_EQUAL(vmxbench("run --profile in.lua in.lua 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "in.lua: no profile: it has no lines"));
}

/* What the image says on its line is judged as what the simulator says. */
static void on_image_takes_a_recorded_line(void)
{
    write_script("many.lua",
                 "return { scenario { name = 'shown', guest = asm 'hlt', controls = { primary = { 'hlt_exiting' } }, steps = { expect 'HLT' {} } },\n"
                 "  scenario { name = 'counted', guest = asm 'nop\\nvmcall', steps = { expect 'VMCALL' {} }, final = { instructions = 1 } } }");
    CU_ASSERT_EQUAL(vmxbench("run --pack module many.lua"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "skip  shown: packed: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "skip  counted: not portable: it expects a number of instructions\n"));
    write_script("line", "vmxbench-hw 1\nvmxbench-hw: stopped: the processor has no VT-x (CPUID.1:ECX bit 5 is 0)\n");
    CU_ASSERT_EQUAL(vmxbench("run --on image:line many.lua 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "vmxbench run --on image: vmxbench-hw: stopped: the processor has no VT-x"));
    write_script("line", "vmxbench-hw 1\nbegin 0\nrefused 0: damaged\nend 1 scenarios, 1 refused\n");
    CU_ASSERT_EQUAL(vmxbench("run --on image:line many.lua 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "the image did not run it: damaged"));
    CU_ASSERT_EQUAL(vmxbench("run --pack /nonexistent/module many.lua 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "/nonexistent/module: the module cannot be written"));
}

static void calibrate_gives_the_simulator_real_costs(void)
{
    write_script("costs.lua", "return scenario { name = 'costs', guest = asm 'xor eax, eax\\ncpuid\\nmov ecx, 0x174\\nrdmsr\\nvmcall',\n"
                              "  steps = { expect 'CPUID' {}, expect 'MSR_READ' {}, expect 'VMCALL' {} } }");
    /* Fitted to itself it is what it was. */
    CU_ASSERT_EQUAL(vmxbench("calibrate costs.lua costs.lua"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "the former costs times 1.000"));
#define COST(symbol, ticks, what) CU_ASSERT_PTR_NOT_NULL(strstr(output, "COST(" #symbol ", " #ticks ", \"" what "\")\n"));
#include "sim/costs.def"
#undef COST
    CU_ASSERT_EQUAL(vmxbench("calibrate costs.lua 2>&1"), 2);
    write_script("other.lua",
                 "return scenario { name = 'other', guest = asm 'hlt', controls = { primary = { 'hlt_exiting' } }, steps = { expect 'HLT' {} } }");
    CU_ASSERT_EQUAL(vmxbench("calibrate costs.lua other.lua 2>&1"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "the same scenarios are wanted"));
    if (!BOCHS_THERE)
        return;
    CU_ASSERT_EQUAL(vmxbench("run -q --on bochs --trace costs.trace costs.lua"), 0);
    CU_ASSERT_EQUAL(vmxbench("calibrate costs.trace costs.lua"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "fitted by `vmxbench calibrate` to 3 VM exits on hardware"));
    CU_ASSERT_PTR_NULL(strstr(output, "COST(VM_EXIT, 600,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "\n   CPUID "));
    CU_ASSERT_EQUAL(vmxbench("stat costs.trace"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "               CPUID          1"));
}

COMMAND_SUITE("tools/command", {"help_is_everywhere", help_is_everywhere},
              {"mistakes_give_one_line_and_status_2", mistakes_give_one_line_and_status_2},
              {"profiles_are_named_as_people_name_them", profiles_are_named_as_people_name_them},
              {"what_is_empty_or_a_folder_is_told", what_is_empty_or_a_folder_is_told},
              {"the_man_page_and_readme_are_in_step_with_help", the_man_page_and_readme_are_in_step_with_help},
              {"manuals_list_every_entry", manuals_list_every_entry},
              {"every_reason_has_a_page_in_both_languages", every_reason_has_a_page_in_both_languages},
              {"the_chinese_list_has_the_53_reasons", the_chinese_list_has_the_53_reasons},
              {"names_are_taken_as_people_write_them", names_are_taken_as_people_write_them},
              {"stat_prints_the_columns_of_perf", stat_prints_the_columns_of_perf},
              {"a_scenario_is_run_where_a_trace_is_wanted", a_scenario_is_run_where_a_trace_is_wanted},
              {"a_damaged_trace_gives_status_2_and_the_place", a_damaged_trace_gives_status_2_and_the_place},
              {"pictures_appear_whole_or_not_at_all", pictures_appear_whole_or_not_at_all},
              {"diff_explains_the_first_divergence", diff_explains_the_first_divergence},
              {"on_bochs_says_what_it_cannot_run", on_bochs_says_what_it_cannot_run},
              {"on_inside_gives_what_native_handlers_give", on_inside_gives_what_native_handlers_give},
              {"on_image_takes_a_recorded_line", on_image_takes_a_recorded_line},
              {"calibrate_gives_the_simulator_real_costs", calibrate_gives_the_simulator_real_costs},
              {"output_that_cannot_be_written_gives_status_2", output_that_cannot_be_written_gives_status_2})
