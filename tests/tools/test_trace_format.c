/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The forms of a trace: text, JSON that parses, ftrace's lines, Chrome's events. */
#include "tools/trace_format.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "example_trace.h"
#include "tests/support/suite.h"

static struct example example;

static char *written(enum trace_format format, bool *good)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    *good = trace_format_write(to, format, example.bytes, example.size);
    fclose(to);
    return text;
}

static void holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fprintf(stderr, "missing: %s\nin:\n%s\n", part, text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, part));
}

static void forms_have_names(void)
{
    static const char *const names[] = {"text", "json", "ftrace", "chrome"};
    enum trace_format format;
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_TRUE(trace_format_of_name(names[i], &format));
        CU_ASSERT_EQUAL(format, i);
    }
    CU_ASSERT_FALSE(trace_format_of_name("xml", &format));
}

static void text_tells_each_exit(void)
{
    bool good;
    example_usual(&example);
    char *text = written(TRACE_FORMAT_TEXT, &good);
    CU_ASSERT_TRUE(good);
    holds(text, "scenario usual <exits> (profile skylake-sp, machine sim)\n");
    holds(text, "      1     0    0          10   1.50  CPUID                0x800a  leaf 0x1, subleaf 0x0  length 0x2\n");
    holds(text, "out port 0x3f8, size 1 = 0x41");
    holds(text, "stimulus: virtual interrupt queued 0x20 0\n");
    holds(text, "the next entry injects interrupt 0x20\n");
    holds(text, "end: all steps done; 6 exits, 1000 guest instructions, 103348 ticks\n");
    free(text);
}

static void write_console(uint64_t port, const char *bytes)
{
    for (; *bytes != '\0'; bytes++) {
        example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_IO_INSTRUCTION, .qualification = port << 16});
        trace_numbers(&example.writer, TRACE_OUTPUT, 0, (const uint64_t[]){port, (uint8_t)*bytes}, 2, NULL, 0);
    }
}

static void text_shows_what_a_port_writes_as_lines(void)
{
    bool good;
    example_begin(&example);
    example_scenario(&example, "console");
    write_console(0xe9, "\"a");
    write_console(0x402, "x");
    write_console(0xe9, "b\n");
    write_console(0xe9, "c\x01");
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_CPUID});
    write_console(0x402, "1234567890123456789012345678901234567890123456789012345678901234567890123456789012");
    example_end(&example, 1);
    char *text = written(TRACE_FORMAT_TEXT, &good);
    CU_ASSERT_TRUE(good);
    holds(text, "output at port 0xe9: \"\\\"ab\\n\"\n");
    holds(text, "output at port 0xe9: \"c\\x01\"\n");
    holds(text, "output at port 0x402: \"x\"\n      8 ");
    holds(text, "output at port 0x402: \"12345678901234567890123456789012345678901234567890123456789012345678901234567890\"\n");
    holds(text, "output at port 0x402: \"12\"\nend: ");
    free(text);
}

static void ftrace_lines_are_those_of_kvm(void)
{
    bool good;
    example_usual(&example);
    char *text = written(TRACE_FORMAT_FTRACE, &good);
    CU_ASSERT_TRUE(good);
    holds(text,
          "vmxbench-1000    [000] d....     0.000000: kvm_entry: vcpu 0\n"
          "vmxbench-1000    [000] d....     0.000000: kvm_exit: vcpu 0 reason CPUID rip 0x800a info1 0x0000000000000000 info2 0x0000000000000000 "
          "intr_info 0x00000000 error_code 0x00000000\n"
          "vmxbench-1000    [000] d....     0.000001: kvm_entry: vcpu 0\n");
    holds(text, "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x83bc info1 0x0000000000000182 ");
    holds(text, "kvm_pio: pio_write at 0x3f8 size 1 count 1 val 0x41 \n");
    holds(text, "kvm_inj_virq: IRQ 0x20\n");
    free(text);
}

static void every_form_names_the_physical_cpu_and_the_interrupt(void)
{
    bool good;
    example_begin(&example);
    example_scenario(&example, "two");
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_EXTERNAL_INTERRUPT, .vcpu = 1, .physical_cpu = 2, .no_length = true});
    trace_numbers(&example.writer, TRACE_INTERRUPT, 1, (const uint64_t[]){0x40, 2, 3, 1}, 4, NULL, 0);
    trace_numbers(&example.writer, TRACE_INTERRUPT, 1, (const uint64_t[]){0xf3, 2, 1, 0}, 4, NULL, 0);
    trace_numbers(&example.writer, TRACE_SOURCE, 0, (const uint64_t[]){0x40, 9, 1}, 3, NULL, 0);
    example_end(&example, 1);
    char *text = written(TRACE_FORMAT_TEXT, &good);
    holds(text, "      1     1    2           0   1.10  EXTERNAL_INTERRUPT ");
    holds(text, "physical CPU 2 takes the interrupt 0x40 of vCPU 3, which waits already\n");
    holds(text, "source 0x40: 9 interrupts, 1 of them requested already\n");
    free(text);
    text = written(TRACE_FORMAT_FTRACE, &good);
    holds(text, "vmxbench-1001    [002] d....     0.000001: kvm_apic_accept_irq: apicid 3 vec 64 (Fixed|edge) (coalesced)\n");
    CU_ASSERT_PTR_NULL(strstr(text, "vec 242"));
    free(text);
    text = written(TRACE_FORMAT_CHROME, &good);
    holds(text, "\"physical_cpu\":2,");
    holds(text, "CPU 2 takes interrupt 0x40 of vCPU 3");
    free(text);
    text = written(TRACE_FORMAT_JSON, &good);
    holds(text, "\"vector\":\"0x40\",\"physical_cpu\":2,\"target\":3,\"merged\":true}");
    holds(text, "\"vector\":\"0x40\",\"interrupts\":9,\"merged\":1}");
    free(text);
}

static void ftrace_marks_a_failed_entry(void)
{
    bool good;
    example_begin(&example);
    example_scenario(&example, "failed");
    example_exit(&example, &(struct example_exit){.reason = VMX_REASON_FAILED_VMENTRY | 33, .handler = UINT64_MAX});
    example_end(&example, 1);
    char *text = written(TRACE_FORMAT_FTRACE, &good);
    holds(text, "kvm_exit: vcpu 0 reason INVALID_STATE FAILED_VMENTRY rip 0x8000 ");
    free(text);
}

static void json_parses_and_holds_every_record(void)
{
    bool good;
    example_usual(&example);
    char *text = written(TRACE_FORMAT_JSON, &good);
    cJSON *root = cJSON_Parse(text);
    CU_ASSERT_TRUE(good);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(root), 1);
    const cJSON *scenario = cJSON_GetArrayItem(root, 0);
    CU_ASSERT_STRING_EQUAL(cJSON_GetObjectItem(scenario, "scenario")->valuestring, "usual <exits>");
    CU_ASSERT_STRING_EQUAL(cJSON_GetObjectItem(scenario, "stop")->valuestring, "all steps done");
    const cJSON *records = cJSON_GetObjectItem(scenario, "records");
    CU_ASSERT_EQUAL(cJSON_GetArraySize(records), 9); /* 6 exits, output, stimulus, injection */
    const cJSON *exit = cJSON_GetArrayItem(records, 2);
    CU_ASSERT_STRING_EQUAL(cJSON_GetObjectItem(exit, "name")->valuestring, "IO_INSTRUCTION");
    CU_ASSERT_STRING_EQUAL(cJSON_GetObjectItem(exit, "qualification")->valuestring, "0x3f80000");
    CU_ASSERT_EQUAL(cJSON_GetObjectItem(exit, "cost_handler")->valuedouble, 300);
    CU_ASSERT_STRING_EQUAL(cJSON_GetObjectItem(cJSON_GetObjectItem(exit, "registers"), "rax")->valuestring, "0x141");
    cJSON_Delete(root);
    free(text);
}

static void chrome_slices_fill_the_time(void)
{
    bool good;
    example_usual(&example);
    char *text = written(TRACE_FORMAT_CHROME, &good);
    cJSON *root = cJSON_Parse(text);
    CU_ASSERT_TRUE(good);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    const cJSON *event;
    double end = 0;
    unsigned slices = 0;
    cJSON_ArrayForEach(event, cJSON_GetObjectItem(root, "traceEvents"))
    {
        if (strcmp(cJSON_GetObjectItem(event, "ph")->valuestring, "X") != 0)
            continue;
        const double from = cJSON_GetObjectItem(event, "ts")->valuedouble;
        CU_ASSERT(from - end < 1e-6 && end - from < 1e-6);
        end = from + cJSON_GetObjectItem(event, "dur")->valuedouble;
        slices++;
    }
    CU_ASSERT_EQUAL(slices, 12);
    CU_ASSERT(end > 103.347 && end < 103.349);
    cJSON_Delete(root);
    free(text);
}

static void several_scenarios_stay_apart(void)
{
    bool good;
    example_usual(&example);
    example_scenario(&example, "second \"quoted\" \\ \x01 \xff name");
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_HLT, .guest_instructions = 5, .handler = 10});
    example_end(&example, 1);
    char *text = written(TRACE_FORMAT_JSON, &good);
    cJSON *root = cJSON_Parse(text);
    CU_ASSERT_TRUE(good);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(root), 2);
    CU_ASSERT_STRING_EQUAL(cJSON_GetObjectItem(cJSON_GetArrayItem(root, 1), "scenario")->valuestring, "second \"quoted\" \\ \x01 \xef\xbf\xbd name");
    cJSON_Delete(root);
    free(text);
    text = written(TRACE_FORMAT_FTRACE, &good); /* one clock runs through both */
    holds(text, "    0.000103: kvm_exit: vcpu 0 reason HLT");
    free(text);
}

static void damage_is_told_and_json_still_closes(void)
{
    bool good;
    example_usual(&example);
    const uint32_t whole = example.size;
    for (uint32_t size = 1; size < whole; size += 7) {
        example.size = size;
        char *text = written(TRACE_FORMAT_JSON, &good);
        cJSON *root = cJSON_Parse(text);
        CU_ASSERT_FALSE(size > TRACE_HEADER_BYTES && good);
        CU_ASSERT_PTR_NOT_NULL(root);
        cJSON_Delete(root);
        free(text);
    }
}

SUITE("tools/trace_format", {"forms_have_names", forms_have_names}, {"text_tells_each_exit", text_tells_each_exit},
      {"text_shows_what_a_port_writes_as_lines", text_shows_what_a_port_writes_as_lines},
      {"ftrace_lines_are_those_of_kvm", ftrace_lines_are_those_of_kvm},
      {"every_form_names_the_physical_cpu_and_the_interrupt", every_form_names_the_physical_cpu_and_the_interrupt},
      {"ftrace_marks_a_failed_entry", ftrace_marks_a_failed_entry}, {"json_parses_and_holds_every_record", json_parses_and_holds_every_record},
      {"chrome_slices_fill_the_time", chrome_slices_fill_the_time}, {"several_scenarios_stay_apart", several_scenarios_stay_apart},
      {"damage_is_told_and_json_still_closes", damage_is_told_and_json_still_closes})
