/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a packed scenario says once: each record at its bounds, what is left out, and what is refused. */
#include <stdio.h>

#include "handlers/bench/internal.h"
#include "tests/support/pack.h"
#include "tests/support/suite.h"

static struct pack p;
static struct bench_plan plan;
static struct bench_result result;

static void begin(void)
{
    memset(&p, 0, sizeof p);
    p.size = PACKED_HEADER_BYTES;
}

static bool reads(void)
{
    pack_end(&p);
    memset(&result, 0, sizeof result);
    return bench_read_plan(&plan, p.bytes, p.size, &result);
}

/* A record of words, alone. */
static bool takes(uint16_t kind, const uint64_t *words, unsigned count)
{
    begin();
    pack_record(&p, kind, words, count * 8);
    return reads();
}

static uint64_t halves(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

static void what_is_left_out_has_its_default(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    begin();
    CU_ASSERT_TRUE(reads());
    CU_ASSERT_EQUAL(plan.mode, PACKED_MODE_LONG);
    CU_ASSERT_EQUAL(plan.guest_bytes, BENCH_MIN_RAM);
    CU_ASSERT_EQUAL(plan.vcpus, 1);
    CU_ASSERT_EQUAL(plan.physical_cpus, 1);
    CU_ASSERT_EQUAL(plan.pin[0], 0);
    CU_ASSERT_EQUAL(plan.quantum, PACKED_QUANTUM_DEFAULT);
    CU_ASSERT_EQUAL(plan.limit, 0);
    CU_ASSERT_EQUAL(plan.starts, 0);
    CU_ASSERT_FALSE(plan.rest_any);
    CU_ASSERT_STRING_EQUAL(plan.name, "");
    CU_ASSERT_EQUAL(memcmp(&plan.policy, &policy, sizeof policy), 0);
    for (unsigned kind = PACKED_NAME; kind < PACKED_KINDS; kind++)
        CU_ASSERT_EQUAL(plan.first[kind], UINT32_MAX);
}

static void records_say_what_the_plan_is(void)
{
    pack_begin(&p, "name", "profile", PACKED_MODE_REAL, BENCH_MIN_RAM + BENCH_PAGE);
    pack_record(&p, PACKED_LIMIT, &(const uint64_t){12345}, 8);
    pack_record(&p, PACKED_REST_ANY, NULL, 0);
    pack_record(&p, PACKED_QUANTUM, &(const uint64_t){77}, 8);
    pack_record(&p, PACKED_VCPUS, &(const uint32_t){3}, 4);
    pack_record(&p, PACKED_PHYSICAL_CPUS, &(const uint32_t){2}, 4);
    pack_record(&p, PACKED_PIN, &(const uint64_t){halves(0, 1)}, 8);
    pack_record(&p, PACKED_START, (const uint64_t[]){2, 0x7c00}, 16);
    CU_ASSERT_TRUE(reads());
    CU_ASSERT_STRING_EQUAL(plan.name, "name");
    CU_ASSERT_STRING_EQUAL(plan.profile, "profile");
    CU_ASSERT_EQUAL(plan.mode, PACKED_MODE_REAL);
    CU_ASSERT_EQUAL(plan.guest_bytes, BENCH_MIN_RAM + BENCH_PAGE);
    CU_ASSERT_EQUAL(plan.limit, 12345);
    CU_ASSERT_TRUE(plan.rest_any);
    CU_ASSERT_EQUAL(plan.quantum, 77);
    CU_ASSERT_EQUAL(plan.vcpus, 3);
    CU_ASSERT_EQUAL(plan.physical_cpus, 2);
    CU_ASSERT(plan.pin[0] == 1 && plan.pin[1] == 1 && plan.pin[2] == 0); /* what is not bound: its number modulo theirs */
    CU_ASSERT_EQUAL(plan.starts, 4);
    CU_ASSERT_EQUAL(plan.start[2], 0x7c00);
    CU_ASSERT_EQUAL(plan.crc, bench_crc32(0, p.bytes + PACKED_HEADER_BYTES, p.size - PACKED_HEADER_BYTES));
}

static void a_long_name_is_cut(void)
{
    char name[2 * BENCH_NAME_BYTES];
    memset(name, 'n', sizeof name);
    for (uint32_t length = BENCH_NAME_BYTES - 2; length < BENCH_NAME_BYTES + 2; length++) {
        begin();
        pack_record(&p, PACKED_NAME, name, length);
        pack_record(&p, PACKED_PROFILE, "p", 1);
        CU_ASSERT_TRUE(reads());
        CU_ASSERT_EQUAL(strlen(plan.name), length < BENCH_NAME_BYTES ? length : BENCH_NAME_BYTES - 1);
        CU_ASSERT_STRING_EQUAL(plan.profile, "p");
    }
}

/* The last value that is taken and the first that is not; refusals name the kind. */
static void records_are_taken_up_to_their_bounds(void)
{
    static const struct {
        uint16_t kind;
        uint64_t good, bad;
    } rows[] = {
        {PACKED_MODE, PACKED_MODE_RESET, PACKED_MODE_RESET + 1},
        {PACKED_GUEST_RAM, BENCH_MIN_RAM, BENCH_MIN_RAM - BENCH_PAGE},
        {PACKED_GUEST_RAM, BENCH_MIN_RAM + BENCH_PAGE, BENCH_MIN_RAM + 1},
        {PACKED_VCPUS, 1, 0},
        {PACKED_VCPUS, BENCH_VCPUS, BENCH_VCPUS + 1},
        {PACKED_PHYSICAL_CPUS, 1, 0},
        {PACKED_PHYSICAL_CPUS, BENCH_PHYSICAL_CPUS, BENCH_PHYSICAL_CPUS + 1},
        {PACKED_QUANTUM, 1, 0},
        {PACKED_QUANTUM, PACKED_QUANTUM_MAX, PACKED_QUANTUM_MAX + 1},
        {PACKED_CONTROL, BENCH_WORDS - 1, BENCH_WORDS},
        {PACKED_POLICY, PACKED_POLICIES - 1, PACKED_POLICIES},
        {PACKED_START, 0, BENCH_VCPUS},
        {PACKED_PIN, 0, BENCH_VCPUS},
        {PACKED_PIN, 0, (uint64_t)BENCH_PHYSICAL_CPUS << 32},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t good[3] = {rows[i].good}, bad[3] = {rows[i].bad};
        char expected[64];
        CU_ASSERT_TRUE(takes(rows[i].kind, good, 3));
        CU_ASSERT_FALSE(takes(rows[i].kind, bad, 3));
        snprintf(expected, sizeof expected, "packed scenario: a bad record of kind %u", (unsigned)rows[i].kind);
        CU_ASSERT_STRING_EQUAL(result.text, expected);
    }
    CU_ASSERT_FALSE(takes(PACKED_KINDS, NULL, 0));
    CU_ASSERT_TRUE(takes(PACKED_KINDS - 1, (const uint64_t[]){1}, 1));
}

static void damaged_input_is_refused_with_its_reason(void)
{
    begin();
    CU_ASSERT_TRUE(reads());
    p.bytes[0] ^= 1;
    CU_ASSERT_FALSE(bench_read_plan(&plan, p.bytes, p.size, &result));
    CU_ASSERT_STRING_EQUAL(result.text, "not a packed scenario");
    begin();
    const uint32_t head[2] = {PACKED_NAME, 1000};
    pack_bytes(&p, head, sizeof head);
    CU_ASSERT_FALSE(reads());
    CU_ASSERT_STRING_EQUAL(result.text, "packed scenario: a record does not fit");
}

/* Bits to set and to clear over the least valid set: the later word wins bit by bit. */
static void later_controls_win(void)
{
    begin();
    pack_record(&p, PACKED_CONTROL, (const uint64_t[]){1, 0xf0, 0x0f}, 24);
    pack_record(&p, PACKED_CONTROL, (const uint64_t[]){1, 0x103, 0xc0}, 24);
    pack_record(&p, PACKED_CONTROL, (const uint64_t[]){0, 4, 8}, 24);
    CU_ASSERT_TRUE(reads());
    CU_ASSERT_EQUAL(plan.set[1], 0x133);
    CU_ASSERT_EQUAL(plan.clear[1], 0xcc);
    CU_ASSERT_EQUAL(plan.set[0], 4);
    CU_ASSERT_EQUAL(plan.clear[0], 8);
}

/* Each policy changes its own answer, and 0 takes it back. */
static void each_policy_is_its_own(void)
{
    for (unsigned kind = 0; kind < PACKED_POLICIES; kind++)
        for (unsigned value = 0; value < 2; value++) {
            struct hv_policy expected;
            hv_default_policy(&expected);
            switch ((enum packed_policy)kind) {
            case PACKED_POLICY_EXCEPTIONS:
                expected.exceptions = value != 0 ? HV_EXCEPTION_STOP : HV_EXCEPTION_REFLECT;
                break;
            case PACKED_POLICY_EPT:
                expected.ept = value != 0 ? HV_EPT_STOP : HV_EPT_MAP_ON_DEMAND;
                break;
            case PACKED_POLICY_EPT_PREMAPPED:
                expected.ept_premapped = value != 0;
                break;
            case PACKED_POLICY_DEVICES:
                expected.devices = value != 0;
                break;
            case PACKED_POLICY_VMCALL_STOPS:
                expected.vmcall_stops = value != 0;
                break;
            case PACKED_POLICY_HIDE_CPUID_ECX:
                expected.hide_cpuid_1_ecx = value;
                break;
            case PACKED_POLICY_HIDE_CPUID_EDX:
                expected.hide_cpuid_1_edx = value;
                break;
            case PACKED_POLICY_FW_CFG:
                expected.fw_cfg = value != 0;
                break;
            case PACKED_POLICY_PASIDS:
                expected.pasids = value;
                break;
            case PACKED_POLICY_FIRST_PASID:
                expected.first_pasid = value;
                break;
            case PACKED_POLICIES:
                break;
            }
            CU_ASSERT_TRUE(takes(PACKED_POLICY, (const uint64_t[]){kind, value}, 2));
            CU_ASSERT_EQUAL(memcmp(&plan.policy, &expected, sizeof expected), 0);
        }
}

static void rules_of_msrs_have_room(void)
{
    begin();
    for (unsigned i = 0; i < HV_MSR_RULES; i++)
        pack_record(&p, PACKED_MSR_RULE, (const uint64_t[]){halves(0x100 + i, i & 1), 7 * i}, 16);
    CU_ASSERT_TRUE(reads());
    CU_ASSERT_EQUAL(plan.policy.msr_rules, HV_MSR_RULES);
    for (unsigned i = 0; i < HV_MSR_RULES; i++)
        CU_ASSERT(plan.policy.msr[i].index == 0x100 + i && plan.policy.msr[i].writable == (i & 1) && plan.policy.msr[i].value == 7 * i);
    begin();
    for (unsigned i = 0; i <= HV_MSR_RULES; i++)
        pack_record(&p, PACKED_MSR_RULE, (const uint64_t[]){i, 0}, 16);
    CU_ASSERT_FALSE(reads());
}

/* No instant of a source is before the run, or before the one that comes before it. */
static void a_source_is_taken_up_to_its_bounds(void)
{
    static const struct {
        uint32_t vector;
        uint64_t period, jitter, first;
        bool taken;
    } rows[] = {
        {16, 1, 0, 0, true},
        {15, 1, 0, 0, false},
        {255, 1, 0, 0, true},
        {256, 1, 0, 0, false},
        {32, 0, 0, 0, false},
        {32, PACKED_SOURCE_TICKS_MAX, 0, PACKED_SOURCE_TICKS_MAX, true},
        {32, PACKED_SOURCE_TICKS_MAX + 1, 0, 0, false},
        {32, 1, 0, PACKED_SOURCE_TICKS_MAX + 1, false},
        {32, 100, 50, 50, true},
        {32, 100, 51, 51, false},
        {32, 100, 50, 49, false},
        {32, PACKED_SOURCE_TICKS_MAX, PACKED_SOURCE_JITTER_MAX, PACKED_SOURCE_JITTER_MAX, true},
        {32, PACKED_SOURCE_TICKS_MAX, PACKED_SOURCE_JITTER_MAX + 1, PACKED_SOURCE_JITTER_MAX + 1, false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t words[7] = {rows[i].vector, 0, rows[i].period, rows[i].jitter, rows[i].first};
        CU_ASSERT_EQUAL(takes(PACKED_SOURCE, words, 7), rows[i].taken);
    }
    CU_ASSERT_FALSE(takes(PACKED_SOURCE, (const uint64_t[]){32, 0, 1, 0, 0, 0}, 6)); /* without its seed */
}

/* Two vCPUs on two physical CPUs: numbers beyond them are refused wherever they stand. */
static bool names(uint16_t kind, const void *payload, uint32_t size)
{
    begin();
    pack_record(&p, PACKED_VCPUS, &(const uint32_t){2}, 4);
    pack_record(&p, PACKED_PHYSICAL_CPUS, &(const uint32_t){3}, 4);
    pack_record(&p, kind, payload, size);
    return reads();
}

static void records_name_what_is_there(void)
{
    static const struct {
        struct packed_step step;
        bool taken;
    } rows[] = {
        {{.kind = STEP_NMI, .vcpu = 1}, true},
        {{.kind = STEP_NMI, .vcpu = 2}, false},
        {{.kind = STEP_NMI, .vcpu = 1, .a = 9, .c = 9}, true},
        {{.kind = STEP_MOVE, .a = 2, .c = 1}, true},
        {{.kind = STEP_MOVE, .a = 3, .c = 1}, false},
        {{.kind = STEP_MOVE, .a = 2, .c = 2}, false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CU_ASSERT_EQUAL(names(PACKED_STEP, &rows[i].step, sizeof rows[i].step), rows[i].taken);
    for (uint32_t vcpu = 0; vcpu < 4; vcpu++)
        for (uint32_t physical_cpu = 0; physical_cpu < 4; physical_cpu++) {
            const uint64_t source[7] = {halves(32, vcpu), physical_cpu, 1};
            CU_ASSERT_EQUAL(names(PACKED_SOURCE, source, sizeof source), vcpu < 2 && physical_cpu < 3);
            const uint64_t pin = halves(vcpu, physical_cpu);
            CU_ASSERT_EQUAL(names(PACKED_PIN, &pin, sizeof pin), vcpu >= 2 || physical_cpu < 3); /* of a vCPU that is not there it is nothing */
        }
    CU_ASSERT_TRUE(names(PACKED_START, (const uint64_t[]){1, 0}, 16));
    CU_ASSERT_FALSE(names(PACKED_START, (const uint64_t[]){2, 0}, 16));
    CU_ASSERT_STRING_EQUAL(result.text, "packed scenario: a record names a vCPU or physical CPU that it does not have");
    CU_ASSERT_FALSE(names(PACKED_PIN, &(const uint64_t){halves(0, 3)}, 8));
    CU_ASSERT_STRING_EQUAL(result.text, "packed scenario: a vCPU is bound to a physical CPU that it does not have");
}

static void records_of_a_kind_are_found_in_order(void)
{
    begin();
    pack_record(&p, PACKED_LIMIT, &(const uint64_t){1}, 8);
    pack_record(&p, PACKED_DUMP, (const uint64_t[]){10, 1}, 16);
    pack_record(&p, PACKED_LIMIT, &(const uint64_t){2}, 8);
    pack_record(&p, PACKED_DUMP, (const uint64_t[]){20, 2}, 16);
    CU_ASSERT_TRUE(reads());
    CU_ASSERT_EQUAL(plan.limit, 2);
    struct packed_reader reader = bench_records_of(&plan, PACKED_DUMP);
    struct packed_record record;
    CU_ASSERT_EQUAL(reader.at, plan.first[PACKED_DUMP]);
    CU_ASSERT(bench_next_of(&reader, PACKED_DUMP, &record) && packed_u64(&record, 0) == 10);
    CU_ASSERT(bench_next_of(&reader, PACKED_DUMP, &record) && packed_u64(&record, 0) == 20);
    CU_ASSERT_FALSE(bench_next_of(&reader, PACKED_DUMP, &record));
    reader = bench_records_of(&plan, PACKED_STEP);
    CU_ASSERT_FALSE(bench_next_of(&reader, PACKED_STEP, &record));
}

SUITE("handlers/bench/plan", {"what_is_left_out_has_its_default", what_is_left_out_has_its_default},
      {"records_say_what_the_plan_is", records_say_what_the_plan_is}, {"a_long_name_is_cut", a_long_name_is_cut},
      {"records_are_taken_up_to_their_bounds", records_are_taken_up_to_their_bounds},
      {"damaged_input_is_refused_with_its_reason", damaged_input_is_refused_with_its_reason}, {"later_controls_win", later_controls_win},
      {"each_policy_is_its_own", each_policy_is_its_own}, {"rules_of_msrs_have_room", rules_of_msrs_have_room},
      {"a_source_is_taken_up_to_its_bounds", a_source_is_taken_up_to_its_bounds}, {"records_name_what_is_there", records_name_what_is_there},
      {"records_of_a_kind_are_found_in_order", records_of_a_kind_are_found_in_order})
