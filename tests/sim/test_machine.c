/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated machine runs packed scenarios: guest, exits, handlers, trace. */
#include "handlers/bench/bench.h"
#include "sim/machine.h"
#include "tests/support/pack.h"
#include "tests/support/suite.h"
#include "vmx-model/reasons.h"

#define GUEST_BYTES 0x200000u

struct recording {
    uint8_t bytes[65536];
    uint32_t size;
};

static bool record(void *context, const void *bytes, uint32_t size)
{
    struct recording *r = context;
    if (size > sizeof r->bytes - r->size)
        return false;
    memcpy(r->bytes + r->size, bytes, size);
    r->size += size;
    return true;
}

static void run(const struct pack *p, struct recording *out, struct bench_result *result)
{
    const char *message;
    const struct sim_machine_options options = {.guest_bytes = GUEST_BYTES, .vcpus = 1};
    struct bk_machine *machine = sim_machine_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    static struct trace_writer writer;
    memset(out, 0, sizeof *out);
    writer = (struct trace_writer){.sink = record, .context = out};
    trace_begin(&writer);
    const bool good = bench_run(machine, p->bytes, p->size, "sim", &writer, result);
    CU_ASSERT(good);
    if (!good)
        printf("bench_run: %s\n", result->text);
    sim_machine_free(machine);
}

/* The exits of a trace, at most `limit`. */
static unsigned exits_of(const struct recording *r, struct trace_record *exits, unsigned limit)
{
    struct trace_reader reader;
    struct trace_record record_;
    unsigned count = 0;
    CU_ASSERT_PTR_NULL_FATAL(trace_open(&reader, r->bytes, r->size));
    while (trace_next(&reader, &record_) == 1)
        if (record_.kind == TRACE_EXIT && count < limit)
            exits[count++] = record_;
    return count;
}

static void a_long_mode_guest_exits_at_cpuid_and_vmcall(void)
{
    static const uint8_t code[] = {0x31, 0xc0, 0x0f, 0xa2, 0x0f, 0x01, 0xc1}; /* xor eax, eax; cpuid; vmcall */
    static struct pack p;
    static struct recording r;
    struct trace_record exits[4];
    struct bench_result result;
    pack_begin(&p, "cpuid", "skylake-sp", PACKED_MODE_LONG, GUEST_BYTES);
    pack_code(&p, BENCH_CODE, code, sizeof code);
    pack_expect(&p, VMX_EXIT_CPUID);
    pack_expect(&p, VMX_EXIT_VMCALL);
    pack_end(&p);
    run(&p, &r, &result);
    CU_ASSERT_EQUAL(result.stop, TRACE_STOP_STEPS);
    CU_ASSERT_EQUAL_FATAL(exits_of(&r, exits, 4), 2);
    CU_ASSERT_EQUAL(exits[0].item[TRACE_REASON], VMX_EXIT_CPUID);
    CU_ASSERT_EQUAL(exits[0].item[TRACE_RIP], BENCH_CODE + 2);
    CU_ASSERT_EQUAL(exits[0].item[TRACE_INSTRUCTION_LENGTH], 2);
    CU_ASSERT_EQUAL(exits[0].item[TRACE_GUEST_INSTRUCTIONS], 1);
    CU_ASSERT_EQUAL(exits[1].item[TRACE_REASON], VMX_EXIT_VMCALL);
    CU_ASSERT_EQUAL(exits[1].item[TRACE_RIP], BENCH_CODE + 4);
    CU_ASSERT_EQUAL(exits[1].gpr[VMX_RBX], 0x756e6547); /* "Genu" */
}

static void two_runs_give_the_same_bytes(void)
{
    static const uint8_t code[] = {0xb9, 5, 0, 0, 0, 0x0f, 0xa2, 0xff, 0xc9, 0x75, 0xfa, 0x0f, 0x01, 0xc1};
    static struct pack p;
    static struct recording a, b;
    struct bench_result result;
    pack_begin(&p, "twice", "skylake-sp", PACKED_MODE_LONG, GUEST_BYTES);
    pack_code(&p, BENCH_CODE, code, sizeof code);
    pack_expect(&p, VMX_EXIT_CPUID);
    pack_end(&p);
    run(&p, &a, &result);
    run(&p, &b, &result);
    CU_ASSERT_EQUAL(a.size, b.size);
    CU_ASSERT_EQUAL(memcmp(a.bytes, b.bytes, a.size), 0);
}

static void a_guest_that_never_exits_ends_at_its_limit(void)
{
    static const uint8_t code[] = {0xeb, 0xfe};
    static struct pack p;
    static struct recording r;
    struct bench_result result;
    const uint64_t limit = 12345;
    pack_begin(&p, "loop", "skylake-sp", PACKED_MODE_LONG, GUEST_BYTES);
    pack_code(&p, BENCH_CODE, code, sizeof code);
    pack_record(&p, PACKED_LIMIT, &limit, sizeof limit);
    pack_expect(&p, VMX_EXIT_CPUID);
    pack_end(&p);
    run(&p, &r, &result);
    CU_ASSERT_EQUAL(result.stop, TRACE_STOP_LIMIT);
}

/* 2^64 iterations retire nothing. */
static void a_rep_without_end_ends_at_its_limit(void)
{
    static const uint8_t code[] = {0x48, 0xc7, 0xc1, 0xff, 0xff, 0xff, 0xff, 0xf3, 0xac, 0xeb, 0xfe}; /* mov $-1, %rcx; rep lodsb; jmp . */
    static struct pack p;
    static struct recording r;
    struct bench_result result;
    const uint64_t limit = 1000;
    pack_begin(&p, "rep", "skylake-sp", PACKED_MODE_LONG, GUEST_BYTES);
    pack_code(&p, BENCH_CODE, code, sizeof code);
    pack_record(&p, PACKED_LIMIT, &limit, sizeof limit);
    pack_expect(&p, VMX_EXIT_CPUID);
    pack_end(&p);
    run(&p, &r, &result);
    CU_ASSERT_EQUAL(result.stop, TRACE_STOP_LIMIT);
}

static void too_many_vcpus_are_refused(void)
{
    const char *message = NULL;
    const struct sim_machine_options options = {.guest_bytes = GUEST_BYTES, .vcpus = 9};
    CU_ASSERT_PTR_NULL(sim_machine_new(&options, &message));
    CU_ASSERT_PTR_NOT_NULL(message);
}

SUITE("sim/machine", {"a_long_mode_guest_exits_at_cpuid_and_vmcall", a_long_mode_guest_exits_at_cpuid_and_vmcall},
      {"two_runs_give_the_same_bytes", two_runs_give_the_same_bytes},
      {"a_guest_that_never_exits_ends_at_its_limit", a_guest_that_never_exits_ends_at_its_limit},
      {"a_rep_without_end_ends_at_its_limit", a_rep_without_end_ends_at_its_limit}, {"too_many_vcpus_are_refused", too_many_vcpus_are_refused})
