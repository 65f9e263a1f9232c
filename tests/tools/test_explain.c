/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench explain: dumps of KVM and Xen in the forms that people paste, scenarios whose entries fail, changes that mend. */
#define _DEFAULT_SOURCE
#include <inttypes.h>

#include "tests/support/command.h"
#include "tests/support/valid_vmcs.h"
#include "tools/entry_judge.h"
#include "tools/vmcs_dump.h"
#include "vmx-model/controls.h"

enum { TEXT_BYTES = 32768 };

static const char *const section_titles[] = {"*** Guest State ***\n", "*** Host State ***\n", "*** Control State ***\n"};
enum section { GUEST, HOST, CONTROL };

/* A VMCS in the words of KVM, every line with a prefix. */
static void dump_text(const struct vmcs *v, const char *prefix, char *text)
{
    static const struct {
        enum section section;
        enum vmcs_field field;
        const char *format;
        bool ends_line;
    } items[] = {
#define DUMP(section, before, digits, symbol, after) {section, VMCS_##symbol, before "%0" digits PRIx64 after, (after)[0] == '\n'},
#include "vmx-model/vmcs_dump.def"
#undef DUMP
    };
    size_t size = (size_t)sprintf(text, "%sVMCS 00000000d1a3b1c2, last attempted VM-entry on CPU 3\n", prefix);
    bool fresh = true;
    for (unsigned i = 0; i < sizeof items / sizeof items[0]; i++) {
        if (i == 0 || items[i].section != items[i - 1].section)
            size += (size_t)sprintf(text + size, "%s%s", prefix, section_titles[items[i].section]);
        size += (size_t)sprintf(text + size, "%s", fresh ? prefix : "");
        size += (size_t)sprintf(text + size, items[i].format, vmcs_get(v, items[i].field));
        fresh = items[i].ends_line;
    }
    CU_ASSERT_FATAL(size < TEXT_BYTES);
}

static struct valid_machine machine;
static char text[TEXT_BYTES];

static void a_dump_gives_every_field_back(void)
{
    static const char *const prefixes[] = {"", "[ 1234.567890] kvm_intel: ", "Nov  1 12:00:00 host kernel: [   5.1] "};
    size_t count;
    valid_machine(&machine, vmx_default_profile(), VALID_LONG);
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++)
        vmcs_set(&machine.vmcs, (enum vmcs_field)f, UINT64_C(0x0123456789abcdef) * (f + 1));
    for (unsigned i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        dump_text(&machine.vmcs, prefixes[i], text);
        struct vmcs_dump *dump = vmcs_dump_read(text, strlen(text), &count);
        CU_ASSERT_PTR_NOT_NULL_FATAL(dump);
        CU_ASSERT_EQUAL(count, 1);
        CU_ASSERT_EQUAL(dump->line, 1);
        CU_ASSERT_STRING_EQUAL(dump->title, "VMCS 00000000d1a3b1c2, last attempted VM-entry on CPU 3");
        CU_ASSERT(dump->known_count > 100);
        for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++)
            CU_ASSERT(!dump->known[f] || dump->value[f] == vmcs_get(&machine.vmcs, (enum vmcs_field)f));
        free(dump);
    }
}

static void other_forms_are_read(void)
{
    static const char other[] = "RIP = 0x1111\n*** Host State ***\nCS=0008\n" /* before any dump: passed over */
                                "*** Guest State ***\r\n"
                                "EFER =     0x0000000000000d01  PAT = 0x0007040600070406 \r\n"
                                "Sysenter RSP=00000000000000aa CS:RIP=0010:00000000000000bb\n"
                                "RSP = 0xcc (0xdd)  RIP = 0xee (0xff)\n"
                                "  CS: 0010 0a09b ffffffff 0000000000001000\n"
                                "GDTR:            0000007f ffff88001f40c000\n"
                                "CR0: actual=nothing, shadow=0x12\n"
                                "MSR guest autoload:\n"
                                "   0: msr=0x00000600 value=0x0000000000000007\n"
                                "*** Host State ***\n"
                                "EFER= 0x0000000000000d01 (effective)\n"
                                "MSR host autoload:\n"
                                "   0: msr=0x00000601 value=0x0000000000000007\n"
                                "*** Control State ***\n"
                                "VMEntry: intr_info=80000020 errcode=00000001 ilen=00000002\n"
                                "VMExit: intr_info=80000021 errcode=00000003 ilen=00000004\n"
                                "KVM: entry failed, hardware error 0x7\n"
                                "*** Guest State ***\nRIP = 0x99";
    size_t count;
    struct vmcs_dump *dump = vmcs_dump_read(other, sizeof other - 1, &count);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dump);
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT_EQUAL(dump->line, 4);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_IA32_EFER], 0xd01);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_SYSENTER_ESP], 0xaa);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_SYSENTER_CS], 0x10);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_SYSENTER_EIP], 0xbb);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_RSP], 0xcc);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_RIP], 0xee);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_CS_SELECTOR], 0x10);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_CS_AR_BYTES], 0xa09b);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_CS_BASE], 0x1000);
    CU_ASSERT_EQUAL(dump->value[VMCS_GUEST_GDTR_BASE], 0xffff88001f40c000);
    CU_ASSERT(!dump->known[VMCS_GUEST_CR0] && !dump->known[VMCS_HOST_IA32_EFER] && !dump->known[VMCS_HOST_CS_SELECTOR]);
    CU_ASSERT_EQUAL(dump->loads, 1);
    CU_ASSERT_EQUAL(dump->load[0].msr, 0x600);
    CU_ASSERT_EQUAL(dump->value[VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE], 1);
    CU_ASSERT_EQUAL(dump->value[VMCS_VM_EXIT_INSTRUCTION_LEN], 4);
    CU_ASSERT_EQUAL(dump[1].value[VMCS_GUEST_RIP], 0x99);
    CU_ASSERT(dump[1].has_error && dump[1].error == 7 && !dump[0].has_error);
    free(dump);
}

static void every_cut_and_flipped_byte_is_survived(void)
{
    size_t count;
    valid_machine(&machine, vmx_default_profile(), VALID_LONG);
    dump_text(&machine.vmcs, "", text);
    const size_t size = strlen(text);
    for (size_t i = 0; i < size; i += 7) {
        char *cut = malloc(i + 1); /* exact, so that a sanitizer sees a read beyond it */
        CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
        memcpy(cut, text, i);
        free(vmcs_dump_read(cut, i, &count));
        free(cut);
        text[i] = (char)(text[i] ^ 0x55);
        free(vmcs_dump_read(text, size, &count));
    }
}

static void a_good_vmcs_violates_nothing_and_a_bad_one_its_rule(void)
{
    valid_machine(&machine, vmx_profile("sapphire-rapids"), VALID_LONG);
    dump_text(&machine.vmcs, "", text);
    write_script("good", text);
    CU_ASSERT_EQUAL(vmxbench("explain good"), 0);
    expect_words("good", "no rule is violated");
    vmcs_set(&machine.vmcs, VMCS_GUEST_RFLAGS, 0);
    vmcs_set(&machine.vmcs, VMCS_VM_EXIT_REASON, UINT32_C(0x80000021));
    dump_text(&machine.vmcs, "[ 1.0] kvm_intel: ", text);
    write_script("bad", text);
    CU_ASSERT_EQUAL(shell("\"$V\" explain - <bad"), 1);
    expect_words("bad", "exit reason 33 (INVALID_STATE), exit qualification 0\n");
    expect_words("bad",
                 "1 rule is violated; a processor reports exit reason 80000021H (invalid guest state), exit qualification 0\n1. GUEST.RFLAGS.RSVD1");
    expect_words("bad", "   mended by: set bit 1 of GUEST_RFLAGS: 0000000000000002H\n");
}

/* A processor that says that guest state is wrong found its controls and host state right. */
static void what_held_on_that_processor_is_told_apart(void)
{
    valid_machine(&machine, vmx_profile("sapphire-rapids"), VALID_LONG);
    vmcs_set(&machine.vmcs, VMCS_PIN_BASED_VM_EXEC_CONTROL, UINT32_MAX);
    vmcs_set(&machine.vmcs, VMCS_GUEST_RFLAGS, 0);
    dump_text(&machine.vmcs, "", text);
    write_script("both", text);
    CU_ASSERT_EQUAL(vmxbench("explain both"), 1);
    expect_words("both", "a processor reports VMfailValid, VM-instruction error 7");
    vmcs_set(&machine.vmcs, VMCS_VM_EXIT_REASON, UINT32_C(0x80000021));
    dump_text(&machine.vmcs, "", text);
    write_script("both", text);
    CU_ASSERT_EQUAL(vmxbench("explain both"), 1);
    expect_words("both", "held on that processor, whose capabilities are not those of the profile: CTL.PIN.ALLOWED1");
    expect_words("both", "1 rule is violated; a processor reports exit reason 80000021H");
}

static void bad_entries_of_the_msr_load_list_are_named(void)
{
    write_script("list", "*** Guest State ***\nRIP = 0x1000\nMSR guest autoload:\n 0: msr=0x00000010 value=0x0\n 1: msr=0xc0000100 value=0x0\n");
    CU_ASSERT_EQUAL(vmxbench("explain list"), 1);
    expect_words("list", "entry 2 of the MSR-load list: MSRLOAD.FS_BASE\n");
}

static void wrong_input_is_told(void)
{
    write_script("words", "no dump\n");
    CU_ASSERT_EQUAL(vmxbench("explain words 2>&1"), 2);
    CU_ASSERT_STRING_EQUAL(output, "words: neither a scenario (.lua) nor a VMCS dump: it has no line '*** Guest State ***' with fields after it\n");
    CU_ASSERT_EQUAL(vmxbench("explain nothing 2>&1"), 2);
    CU_ASSERT_STRING_EQUAL(output, "nothing: No such file or directory\n");
    CU_ASSERT_EQUAL(vmxbench("explain nothing.lua 2>&1"), 2);
    CU_ASSERT_EQUAL(vmxbench("explain 2>&1"), 2);
    CU_ASSERT_EQUAL(vmxbench("explain --profile none words 2>&1"), 2);
}

static void a_scenario_tells_of_each_entry(void)
{
    write_script("fine.lua", "return scenario { name = 'fine', guest = asm [[ vmcall ]], steps = { expect 'VMCALL' {} } }");
    CU_ASSERT_EQUAL(vmxbench("explain fine.lua"), 0);
    CU_ASSERT_STRING_EQUAL(output, "fine.lua:1: fine: every VM entry succeeds\n");
    write_script("two.lua", "return scenario { name = 'two', guest = asm [[ vmcall ]], vmcs = { GUEST_RFLAGS = 0, GUEST_DR7 = 1 << 32 },\n"
                            "controls = { entry = { 'load_debug_controls' } }, steps = { expect_entry_failure { reason = 'INVALID_STATE' } } }");
    CU_ASSERT_EQUAL(vmxbench("explain two.lua fine.lua"), 1);
    expect_words("two.lua", "two.lua:1: two: VM entry of virtual CPU 0 by VMLAUNCH\n2 rules are violated; ");
    expect_words("two.lua", "fine.lua:1: fine: every VM entry succeeds\n");
}

/* Whatever change is named: with it the rule holds, and nothing else breaks. */
static void changes_mend_what_they_are_named_for(void)
{
    static const struct {
        enum vmcs_field field;
        uint64_t value;
    } wrong[] = {{VMCS_GUEST_CR0, 0},
                 {VMCS_GUEST_CR4, 1 << 14},
                 {VMCS_GUEST_CS_AR_BYTES, 0},
                 {VMCS_GUEST_TR_AR_BYTES, 0x82},
                 {VMCS_GUEST_RIP, UINT64_C(1) << 63},
                 {VMCS_HOST_CR3, UINT64_C(1) << 52},
                 {VMCS_VM_ENTRY_INTR_INFO_FIELD, 0x80000100},
                 {VMCS_GUEST_ACTIVITY_STATE, 7},
                 {VMCS_VM_EXIT_CONTROLS, 0}};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct judgement before, after;
        struct entry_fix fixes[JUDGE_FIXES];
        valid_machine(&machine, vmx_default_profile(), VALID_LONG);
        vmcs_set(&machine.vmcs, wrong[i].field, wrong[i].value);
        const struct judged_entry entry = {.cpu = &machine.cpu};
        judge_entry(&entry, &before);
        CU_ASSERT(before.count != 0);
        for (unsigned k = 0; k < before.count; k++) {
            const unsigned count = judge_fixes(&entry, &before, before.violated[k], fixes);
            for (unsigned n = 0; n < count; n++) {
                const uint64_t was = vmcs_get(&machine.vmcs, fixes[n].field);
                vmcs_set(&machine.vmcs, fixes[n].field, fixes[n].value);
                judge_entry(&entry, &after);
                CU_ASSERT(after.count < before.count);
                CU_ASSERT(vmx_check_holds(&machine.cpu, false, before.violated[k]));
                vmcs_set(&machine.vmcs, fixes[n].field, was);
            }
        }
    }
}

COMMAND_SUITE("tools/explain", {"a_dump_gives_every_field_back", a_dump_gives_every_field_back}, {"other_forms_are_read", other_forms_are_read},
              {"every_cut_and_flipped_byte_is_survived", every_cut_and_flipped_byte_is_survived},
              {"a_good_vmcs_violates_nothing_and_a_bad_one_its_rule", a_good_vmcs_violates_nothing_and_a_bad_one_its_rule},
              {"what_held_on_that_processor_is_told_apart", what_held_on_that_processor_is_told_apart},
              {"bad_entries_of_the_msr_load_list_are_named", bad_entries_of_the_msr_load_list_are_named},
              {"wrong_input_is_told", wrong_input_is_told}, {"a_scenario_tells_of_each_entry", a_scenario_tells_of_each_entry},
              {"changes_mend_what_they_are_named_for", changes_mend_what_they_are_named_for})
