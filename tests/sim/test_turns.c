/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several virtual CPUs on one machine: whose turn it is, what each of them has of its own, how time passes on physical CPUs. */
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

static void run(const struct pack *p, unsigned vcpus, struct recording *out, struct bench_result *result)
{
    const char *message;
    const struct sim_machine_options options = {.guest_bytes = GUEST_BYTES, .vcpus = vcpus};
    struct bk_machine *machine = sim_machine_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    static struct trace_writer writer;
    memset(out, 0, sizeof *out);
    writer = (struct trace_writer){.sink = record, .context = out};
    trace_begin(&writer);
    if (!bench_run(machine, p->bytes, p->size, "sim", &writer, result))
        out->size = 0;
    sim_machine_free(machine);
}

/* Up to `limit` records of a kind. */
static unsigned records_of(const struct recording *r, enum trace_kind kind, struct trace_record *records, unsigned limit)
{
    struct trace_reader reader;
    struct trace_record next;
    unsigned count = 0;
    CU_ASSERT_PTR_NULL_FATAL(trace_open(&reader, r->bytes, r->size));
    while (trace_next(&reader, &next) == 1)
        if (next.kind == kind && count < limit)
            records[count++] = next;
    return count;
}

/* All vCPUs begin at the first byte, on that many physical CPUs. */
static void begin_on(struct pack *p, uint32_t vcpus, uint32_t physical_cpus, const void *code, uint32_t size)
{
    pack_begin(p, "turns", "skylake-sp", PACKED_MODE_LONG, GUEST_BYTES);
    pack_record(p, PACKED_VCPUS, &vcpus, sizeof vcpus);
    pack_record(p, PACKED_PHYSICAL_CPUS, &physical_cpus, sizeof physical_cpus);
    for (uint32_t vcpu = 1; vcpu < vcpus; vcpu++)
        pack_record(p, PACKED_START, (const uint64_t[]){vcpu, BENCH_CODE}, 16);
    pack_code(p, BENCH_CODE, code, size);
}

static void begin(struct pack *p, uint32_t vcpus, const void *code, uint32_t size)
{
    begin_on(p, vcpus, vcpus, code, size);
}

static void step(struct pack *p, enum packed_step_kind kind, uint32_t vcpu, uint32_t a, uint64_t b)
{
    const struct packed_step s = {.kind = kind, .vcpu = vcpu, .a = a, .b = b};
    pack_record(p, PACKED_STEP, &s, sizeof s);
}

static const uint8_t cpuid_for_ever[] = {0x0f, 0xa2, 0xeb, 0xfc};

static void each_vcpu_has_steps_stack_and_tss_of_its_own(void)
{
    static const uint8_t code[] = {0x0f, 0x00, 0xc8, 0x0f, 0x01, 0xc1}; /* str eax; vmcall */
    static struct pack p;
    static struct recording r;
    struct trace_record exits[4];
    struct bench_result result;
    begin(&p, 3, code, sizeof code);
    for (uint32_t vcpu = 3; vcpu-- > 0;)
        step(&p, STEP_EXPECT, vcpu, VMX_EXIT_VMCALL, 0);
    pack_end(&p);
    run(&p, 3, &r, &result);
    CU_ASSERT_EQUAL(result.stop, TRACE_STOP_STEPS);
    CU_ASSERT_EQUAL_FATAL(records_of(&r, TRACE_EXIT, exits, 4), 3);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(exits[i].vcpu, i);
        CU_ASSERT_EQUAL(exits[i].item[TRACE_PHYSICAL_CPU], i);
        CU_ASSERT_EQUAL(exits[i].gpr[VMX_RDI], i);
        CU_ASSERT_EQUAL(exits[i].gpr[VMX_RAX], BENCH_TSS_SELECTOR);
        CU_ASSERT_EQUAL(exits[i].item[TRACE_RSP], BENCH_STACK_TOP - i * BENCH_STACK_STRIDE);
    }
}

/* A turn counts exits too: a guest that only exits does not keep a physical CPU to itself. */
static void turns_are_as_long_for_guests_that_exit(void)
{
    static struct pack p;
    static struct recording r;
    static struct trace_record exits[2000];
    struct bench_result result;
    const uint64_t limit = 4000;
    begin_on(&p, 2, 1, cpuid_for_ever, sizeof cpuid_for_ever);
    pack_record(&p, PACKED_LIMIT, &limit, sizeof limit);
    pack_record(&p, PACKED_REST_ANY, NULL, 0);
    pack_end(&p);
    run(&p, 2, &r, &result);
    CU_ASSERT_EQUAL(result.stop, TRACE_STOP_LIMIT);
    const unsigned count = records_of(&r, TRACE_EXIT, exits, 2000);
    unsigned of[2] = {0, 0}, changes = 0;
    for (unsigned i = 0; i < count; i++) {
        of[exits[i].vcpu & 1]++;
        changes += i != 0 && exits[i].vcpu != exits[i - 1].vcpu;
    }
    CU_ASSERT(of[0] > count / 3 && of[1] > count / 3);
    CU_ASSERT(changes >= 2 && changes <= 4);
}

/* The one whose physical CPU is behind goes on: nobody gets ahead of the others, and exits stand in the order of their time. */
static void exits_are_handled_in_the_order_of_their_time(void)
{
    static struct pack p;
    static struct recording r;
    static struct trace_record exits[2000];
    struct bench_result result;
    const uint64_t limit = 4000;
    begin(&p, 3, cpuid_for_ever, sizeof cpuid_for_ever);
    pack_record(&p, PACKED_LIMIT, &limit, sizeof limit);
    pack_record(&p, PACKED_REST_ANY, NULL, 0);
    pack_end(&p);
    run(&p, 3, &r, &result);
    const unsigned count = records_of(&r, TRACE_EXIT, exits, 2000);
    unsigned of[3] = {0, 0, 0};
    for (unsigned i = 0; i < count; i++) {
        of[exits[i].vcpu % 3]++;
        CU_ASSERT(i == 0 || exits[i].item[TRACE_TICKS] >= exits[i - 1].item[TRACE_TICKS]);
    }
    CU_ASSERT(count > 1000);
    CU_ASSERT(of[0] <= of[2] + 1 && of[2] <= of[0]);
}

static void two_runs_give_the_same_bytes(void)
{
    static struct pack p;
    static struct recording a, b;
    struct bench_result result;
    const uint64_t limit = 5000;
    begin(&p, 4, cpuid_for_ever, sizeof cpuid_for_ever);
    pack_record(&p, PACKED_LIMIT, &limit, sizeof limit);
    pack_record(&p, PACKED_REST_ANY, NULL, 0);
    pack_end(&p);
    run(&p, 4, &a, &result);
    run(&p, 4, &b, &result);
    CU_ASSERT_EQUAL(a.size, b.size);
    CU_ASSERT_EQUAL(memcmp(a.bytes, b.bytes, a.size), 0);
}

/* test edi, edi; jz loop; hlt; loop: mov ecx, 5000; again: loop again; vmcall; end: jmp end */
static const uint8_t second_halts[] = {0x85, 0xff, 0x74, 0x01, 0xf4, 0xb9, 0x88, 0x13, 0x00, 0x00, 0xe2, 0xfe, 0x0f, 0x01, 0xc1, 0xeb, 0xfe};

static void time_does_not_jump_while_somebody_runs(void)
{
    static struct pack p;
    static struct recording r;
    struct trace_record exits[4];
    struct bench_result result;
    begin(&p, 2, second_halts, sizeof second_halts);
    step(&p, STEP_NMI, 1, 0, 1000000); /* long after vCPU 0 is done */
    step(&p, STEP_EXPECT, 1, VMX_EXIT_EXCEPTION_NMI, 0);
    step(&p, STEP_EXPECT, 0, VMX_EXIT_VMCALL, 0);
    pack_end(&p);
    run(&p, 2, &r, &result);
    CU_ASSERT_EQUAL(result.stop, TRACE_STOP_STEPS);
    CU_ASSERT_EQUAL_FATAL(records_of(&r, TRACE_EXIT, exits, 4), 2);
    CU_ASSERT_EQUAL(exits[0].vcpu, 0);
    CU_ASSERT_EQUAL(exits[0].item[TRACE_REASON], VMX_EXIT_VMCALL);
    CU_ASSERT(exits[0].item[TRACE_TICKS] < 20000);
    /* It passes for the sleeper too. */
    CU_ASSERT(exits[1].item[TRACE_TICKS] >= 1000000 && exits[1].item[TRACE_TICKS] < 1010000);
}

static void time_passes_when_all_sleep(void)
{
    static const uint8_t hlt_vmcall[] = {0xf4, 0x0f, 0x01, 0xc1};
    static struct pack p;
    static struct recording r;
    struct trace_record exits[4];
    struct bench_result result;
    begin(&p, 2, hlt_vmcall, sizeof hlt_vmcall);
    step(&p, STEP_NMI, 0, 0, 70000);
    step(&p, STEP_NMI, 1, 0, 50000);
    step(&p, STEP_EXPECT, 0, VMX_EXIT_EXCEPTION_NMI, 0);
    step(&p, STEP_EXPECT, 1, VMX_EXIT_EXCEPTION_NMI, 0);
    pack_end(&p);
    run(&p, 2, &r, &result);
    CU_ASSERT_FATAL(records_of(&r, TRACE_EXIT, exits, 4) >= 1);
    CU_ASSERT_EQUAL(exits[0].vcpu, 1); /* whose event is due first */
    CU_ASSERT(exits[0].item[TRACE_TICKS] > 50000 && exits[0].item[TRACE_TICKS] < 60000);
}

static void a_vcpu_without_a_start_waits_for_its_sipi(void)
{
    static const uint8_t code[] = {0xeb, 0xfe};
    static struct pack p;
    static struct recording r;
    struct trace_record exits[2], finals[2];
    struct bench_result result;
    const uint32_t vcpus = 2;
    pack_begin(&p, "sipi", "skylake-sp", PACKED_MODE_LONG, GUEST_BYTES);
    pack_record(&p, PACKED_VCPUS, &vcpus, sizeof vcpus);
    pack_code(&p, BENCH_CODE, code, sizeof code);
    step(&p, STEP_SIPI, 1, 0x12, 0);
    step(&p, STEP_EXPECT, 1, VMX_EXIT_SIPI_SIGNAL, 0);
    pack_end(&p);
    run(&p, 2, &r, &result);
    CU_ASSERT_EQUAL(result.stop, TRACE_STOP_STEPS);
    CU_ASSERT_EQUAL_FATAL(records_of(&r, TRACE_EXIT, exits, 2), 1);
    CU_ASSERT_EQUAL(exits[0].vcpu, 1);
    CU_ASSERT_EQUAL(exits[0].item[TRACE_QUALIFICATION], 0x12);
    CU_ASSERT_EQUAL(exits[0].item[TRACE_ACTIVITY], VMX_WAIT_FOR_SIPI);
    /* The one that was preempted shows its state too. */
    CU_ASSERT_EQUAL_FATAL(records_of(&r, TRACE_FINAL, finals, 2), 2);
    CU_ASSERT_EQUAL(finals[0].number[0], BENCH_CODE);
}

static void a_step_for_a_vcpu_that_is_not_there_is_refused(void)
{
    static struct pack p;
    static struct recording r;
    struct bench_result result;
    begin(&p, 2, cpuid_for_ever, sizeof cpuid_for_ever);
    step(&p, STEP_EXPECT, 2, VMX_EXIT_CPUID, 0);
    pack_end(&p);
    run(&p, 2, &r, &result);
    CU_ASSERT_EQUAL(r.size, 0);
    CU_ASSERT(strstr(result.text, "vCPU") != NULL);
}

SUITE("sim/turns", {"each_vcpu_has_steps_stack_and_tss_of_its_own", each_vcpu_has_steps_stack_and_tss_of_its_own},
      {"turns_are_as_long_for_guests_that_exit", turns_are_as_long_for_guests_that_exit},
      {"exits_are_handled_in_the_order_of_their_time", exits_are_handled_in_the_order_of_their_time},
      {"two_runs_give_the_same_bytes", two_runs_give_the_same_bytes},
      {"time_does_not_jump_while_somebody_runs", time_does_not_jump_while_somebody_runs}, {"time_passes_when_all_sleep", time_passes_when_all_sleep},
      {"a_vcpu_without_a_start_waits_for_its_sipi", a_vcpu_without_a_start_waits_for_its_sipi},
      {"a_step_for_a_vcpu_that_is_not_there_is_refused", a_step_for_a_vcpu_that_is_not_there_is_refused})
