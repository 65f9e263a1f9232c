/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench reasons: the exit reasons as a manual, in English or Chinese. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/names.h"
#include "../vmx-model/reasons.h"
#include "../vmx-model/reasons_zh.h"
#include "commands.h"
#include "manual.h"
#include "options.h"
#include "reason_coverage.h"
#include "wrap.h"

static const char usage[] =
    "usage: vmxbench reasons [--json] [--lang en|zh] [NAME]\n"
    "       vmxbench reasons --coverage FOLDER [--lang en|zh]\n"
    "The VM-exit reasons: without NAME all of them, with NAME one in full: what triggers it, its priority, which information fields are valid,\n"
    "how it is usually resolved and how to avoid it.\n"
    "NAME is a Linux name (MSR_WRITE, with or without EXIT_REASON_), the manual's name (WRMSR), a spelling of the users' list (RDTSMP), a number,\n"
    "or an exit-reason field with its flags (0x80000021); case does not matter.\n"
    "\n"
    "  --json         as JSON\n"
    "  --lang en|zh   language; Chinese covers the 53 reasons of the users' list\n"
    "  --coverage FOLDER\n"
    "                 replays the scenarios in FOLDER and prints a line for each reason of the list: which scripts trigger it, which handler\n"
    "                 answers it, how it is resolved; exit status 1 when anything is missing\n";

/* Basic reasons first, then the flag bits. */
static const struct vmx_reason_row *row_of(unsigned index)
{
    return index < VMX_REASON_LIMIT ? &vmx_reasons[index] : &vmx_reason_flags[index - VMX_REASON_LIMIT];
}

static bool is_reserved(const struct vmx_reason_row *row)
{
    return strcmp(row->sdm_name, "reserved") == 0;
}

static void list(void)
{
    printf("  No  Name                              Manual's name, other name\n");
    for (unsigned i = 0; i < VMX_REASON_LIMIT + vmx_reason_flag_count; i++) {
        const struct vmx_reason_row *row = row_of(i);
        const bool differs = row->seed_name != NULL && strcmp(row->seed_name, row->name) != 0;
        if (is_reserved(row))
            continue;
        if (i == VMX_REASON_LIMIT)
            printf(" Bit  Flags of the exit-reason field\n");
        printf(" %3u  %-32s  %s%s%s\n", row->number, row->name, row->sdm_name, differs ? ", " : "", differs ? row->seed_name : "");
    }
}

static void describe(unsigned index, struct page *page)
{
    const struct vmx_reason_row *row = row_of(index);
    const bool flag = index >= VMX_REASON_LIMIT;
    snprintf(page->title, sizeof page->title, "%s: %s %u", row->name, flag ? "flag of the exit-reason field, bit" : "exit reason", row->number);
    page_add(page, "name", "Name", "%s", row->name);
    page_add(page, flag ? "bit" : "number", flag ? "Bit" : "Number", "%u", row->number);
    page_add(page, "sdm_name", "Manual's name", "%s", row->sdm_name);
    if (row->seed_name != NULL && strcmp(row->seed_name, row->name) != 0)
        page_add(page, "list_name", "Name in the users' list", "%s", row->seed_name);
    page_add(page, "class", "Class", "%s", row->class_name);
    page_add(page, "fault_or_trap", "Fault or trap", "%s", row->fault_or_trap);
    page_add(page, "trigger", "Trigger", "%s", row->decided_by);
    page_add(page, "priority", "Priority", "%s", row->priority);
    page_add(page, "qualification", "Exit qualification", "%s", row->qualification);
    page_add(page, "instruction_length", "Instruction length", "%s", row->instruction_length);
    page_add(page, "instruction_information", "Instruction information", "%s", row->instruction_info);
    page_add(page, "guest_linear_address", "Guest-linear address", "%s", row->guest_linear);
    page_add(page, "guest_physical_address", "Guest-physical address", "%s", row->guest_physical);
    page_add(page, "interruption_information", "Interruption information", "%s", row->interruption_info);
    page_add(page, "idt_vectoring", "IDT-vectoring", "%s", row->idt_vectoring);
    page_add(page, "resolution", "Usual resolution", "%s", row->resolution);
    page_add(page, "avoidance", "How to avoid it", "%s", row->avoidance);
    const char *const texts[] = {row->decided_by, row->priority, row->avoidance};
    page_add_controls(page, texts, 3);
}

/* An exit-reason field as it is read, 0x80000021: its basic reason and the flags that are set in it. */
static unsigned find_field(const char *text, unsigned matches[MANUAL_MATCHES])
{
    enum { RESERVED = 0x1ff << 16 };
    char *end;
    const unsigned long value = strtoul(text, &end, 0);
    unsigned count = 0;
    if (end == text || *end != '\0' || value > UINT32_MAX || (value & RESERVED) != 0 || vmx_basic_reason((uint32_t)value) >= VMX_REASON_LIMIT)
        return 0;
    matches[count++] = vmx_basic_reason((uint32_t)value);
    for (unsigned i = 0; i < vmx_reason_flag_count && count < MANUAL_MATCHES; i++)
        if ((value >> vmx_reason_flags[i].number & 1) != 0)
            matches[count++] = VMX_REASON_LIMIT + i;
    return count;
}

static unsigned find(const char *name, unsigned matches[MANUAL_MATCHES])
{
    const struct vmx_reason_row *row = vmx_reason_of_name(name);
    if (row == NULL)
        return find_field(name, matches);
    for (unsigned i = 0; i < VMX_REASON_LIMIT + vmx_reason_flag_count; i++)
        if (row_of(i) == row)
            matches[0] = i;
    return 1;
}

static const char *name(unsigned index, unsigned alias)
{
    const struct vmx_reason_row *row = row_of(index);
    const char *const names[] = {row->name, is_reserved(row) ? NULL : row->sdm_name, is_reserved(row) ? NULL : row->seed_name, NULL};
    return names[alias];
}

/* ---- Chinese: the 53 reasons of the users' list, in its order ---- */
static const struct vmx_reason_row *row_of_zh(unsigned index)
{
    return vmx_reason_of_name(vmx_reasons_zh[index].seed_name);
}

static void list_zh(void)
{
    enum { CAUSE_COLUMN = 26 };
    printf("编号  名称                原因\n");
    for (unsigned i = 0; i < vmx_reason_zh_count; i++) {
        printf("%4u  %-*s", row_of_zh(i)->number, CAUSE_COLUMN - 6, vmx_reasons_zh[i].seed_name);
        wrap_text(stdout, CAUSE_COLUMN, vmx_reasons_zh[i].cause);
    }
}

static void describe_zh(unsigned index, struct page *page)
{
    const struct vmx_reason_row *row = row_of_zh(index);
    const struct vmx_reason_zh_row *zh = &vmx_reasons_zh[index];
    snprintf(page->title, sizeof page->title, "%s: %u", zh->seed_name, row->number);
    page_add(page, "name", "名称", "%s", row->name);
    page_add(page, "number", row >= vmx_reason_flags && row < vmx_reason_flags + vmx_reason_flag_count ? "位" : "编号", "%u", row->number);
    page_add(page, "list_name", "列表名称", "%s", zh->seed_name);
    page_add(page, "cause", "原因", "%s", zh->cause);
    page_add(page, "explanation", "说明", "%s", zh->explanation);
    page_add(page, "resolution", "解决方法", "%s", zh->resolution);
}

static unsigned find_zh(const char *name, unsigned matches[MANUAL_MATCHES])
{
    const struct vmx_reason_row *row = vmx_reason_of_name(name);
    const struct vmx_reason_zh_row *zh = row != NULL ? vmx_reason_zh(row->seed_name) : NULL;
    if (zh == NULL)
        return 0;
    matches[0] = (unsigned)(zh - vmx_reasons_zh);
    return 1;
}

static const char *name_zh(unsigned index, unsigned alias)
{
    const char *const names[] = {vmx_reasons_zh[index].seed_name, row_of_zh(index)->name, NULL};
    return names[alias];
}

/* Takes "--NAME VALUE" or "--NAME=VALUE" out of the arguments; the last one counts. False after a complaint: the value is missing. */
static bool take_option(int *argc, char **argv, const char *option, const char **value)
{
    const size_t length = strlen(option);
    for (int i = 1; i < *argc; i++) {
        const bool joined = strncmp(argv[i], option, length) == 0 && argv[i][length] == '=';
        if (!joined && strcmp(argv[i], option) != 0)
            continue;
        const int used = joined ? 1 : 2;
        if (i + used > *argc) {
            fprintf(stderr, "vmxbench reasons: %s needs a value\n", option);
            return false;
        }
        *value = joined ? argv[i] + length + 1 : argv[i + 1];
        for (int j = i; j + used <= *argc; j++)
            argv[j] = argv[j + used];
        *argc -= used;
        i--;
    }
    return true;
}

int cmd_reasons(int argc, char **argv)
{
    const char *language = "en", *folder = NULL;
    if (!take_option(&argc, argv, "--lang", &language) || !take_option(&argc, argv, "--coverage", &folder))
        return 2;
    const bool chinese = strcmp(language, "zh") == 0;
    if (!chinese && strcmp(language, "en") != 0)
        return option_complain("reasons", "--lang", language, "the languages are en and zh");
    if (folder != NULL && argc > 1)
        return option_complain("reasons", "beside --coverage", argv[1], "only --lang can stand there");
    if (folder != NULL)
        return reason_coverage(stdout, folder, chinese);
    static const struct manual zh_manual = {.command = "reasons --lang zh",
                                            .usage = usage,
                                            .entry = "exit reason with a Chinese text (the 53 of the users' list)",
                                            .list = list_zh,
                                            .describe = describe_zh,
                                            .find = find_zh,
                                            .name = name_zh};
    static const struct manual en_manual = {
        .command = "reasons", .usage = usage, .entry = "exit reason", .list = list, .describe = describe, .find = find, .name = name};
    struct manual manual = chinese ? zh_manual : en_manual;
    manual.count = chinese ? vmx_reason_zh_count : VMX_REASON_LIMIT + vmx_reason_flag_count;
    return manual_run(&manual, argc, argv);
}
