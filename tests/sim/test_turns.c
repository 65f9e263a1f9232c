/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several virtual CPUs on one machine: whose turn it is, what each of them has of its own, how time passes on physical CPUs. */
#include "handlers/bench/bench.h"
#include "sim/machine_internal.h"
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

/* ---- by hand: a machine whose guests do not run, in the middle of things ---- */
static struct bk_machine *hand;

static void by_hand(unsigned vcpus, unsigned physical_cpus)
{
    const char *message;
    const struct sim_machine_options options = {.guest_bytes = 0x100000, .vcpus = vcpus};
    hand = sim_machine_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(hand);
    CU_ASSERT_TRUE_FATAL(bk_set_physical_cpus(hand, physical_cpus));
    for (unsigned i = 0; i < vcpus; i++)
        bk_vmclear(bk_vcpu(hand, i));
    bk_charge(hand, true);
}

static void a_turn_is_used_up_by_what_its_vcpu_does(void)
{
    by_hand(3, 1);
    struct bk_vcpu *first = bk_vcpu(hand, 0);
    CU_ASSERT_EQUAL(bk_next(hand, 7, 10), 0);
    CU_ASSERT_EQUAL(first->turn_end, sim_vcpu_progress(first) + 10);
    hand->steps += 4;
    sim_turn_pauses(first, BK_EXITED);
    CU_ASSERT_EQUAL(first->turn_left, 6);
    first->entered = true;
    CU_ASSERT_EQUAL(bk_next(hand, 7, 10), 0);
    CU_ASSERT_EQUAL(first->turn_end, sim_vcpu_progress(first) + 6);
    hand->steps += 7; /* an exit may be the one step too many */
    sim_turn_pauses(first, BK_EXITED);
    CU_ASSERT_EQUAL(first->turn_left, 0);
    first->entered = false;
    CU_ASSERT_EQUAL(bk_next(hand, 7, 10), 0); /* until its guest goes on after the exit */
    CU_ASSERT_EQUAL(first->turn_end, sim_vcpu_progress(first));
    first->entered = true;
    CU_ASSERT_EQUAL(bk_next(hand, 7, 10), 1);
    CU_ASSERT_EQUAL(hand->vcpu[1].turn_end, sim_vcpu_progress(first) + 10);
    sim_machine_free(hand);
}

static void turns_go_round_by_number(void)
{
    static const struct {
        unsigned current;
        uint32_t ready;
        unsigned next;
    } rows[] = {{0, 7, 1}, {1, 7, 2}, {2, 7, 0}, {1, 3, 0}, {2, 6, 1}, {1, 2, 1}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        by_hand(3, 1);
        struct bk_vcpu *current = bk_vcpu(hand, rows[i].current);
        hand->pcpu[0].current = current;
        current->entered = true;
        CU_ASSERT_EQUAL(bk_next(hand, rows[i].ready, 10), rows[i].next);
        sim_machine_free(hand);
    }
}

static void being_preempted_and_falling_asleep_end_a_turn(void)
{
    static const struct {
        enum bk_entered how;
        uint64_t left;
    } rows[] = {{BK_EXITED, 10}, {BK_PAUSED, 10}, {BK_PREEMPTED, 0}, {BK_ASLEEP, 0}};
    by_hand(2, 1);
    struct bk_vcpu *first = bk_vcpu(hand, 0);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        first->turn_end = sim_vcpu_progress(first) + 10;
        sim_turn_pauses(first, rows[i].how);
        CU_ASSERT_EQUAL(first->turn_left, rows[i].left);
    }
    first->turn_end = UINT64_MAX;
    first->turn_left = 7;
    sim_turn_pauses(first, BK_PREEMPTED); /* without turns there is none to end */
    CU_ASSERT_EQUAL(first->turn_left, 7);
    sim_machine_free(hand);
}

/* Who comes back to a physical CPU has a whole turn, whatever was left of its last one. */
static void who_comes_back_has_a_whole_turn(void)
{
    by_hand(2, 1);
    struct bk_vcpu *first = bk_vcpu(hand, 0);
    CU_ASSERT_EQUAL(bk_next(hand, 2, 10), 1);
    first->turn_left = 3;
    CU_ASSERT_EQUAL(bk_next(hand, 1, 10), 0);
    CU_ASSERT_EQUAL(first->turn_end, sim_vcpu_progress(first) + 10);
    sim_machine_free(hand);
}

static void who_comes_from_a_later_clock_runs_from_there(void)
{
    by_hand(2, 2);
    struct bk_vcpu *first = bk_vcpu(hand, 0);
    hand->pcpu[0].clock = 100;
    first->not_before = 500;
    hand->pcpu[1].clock = 500;
    CU_ASSERT_EQUAL(bk_next(hand, 3, 10), 0); /* the lower number of equals */
    CU_ASSERT(sim_now(first) >= 500);
    CU_ASSERT_EQUAL(first->not_before, 0);
    first->not_before = 501;
    hand->pcpu[0].clock = 100;
    CU_ASSERT_EQUAL(bk_next(hand, 3, 10), 1);
    CU_ASSERT_EQUAL(hand->pcpu[0].clock, 100);
    sim_machine_free(hand);
}

static void a_turn_is_given_up_to_others_alone(void)
{
    by_hand(3, 2); /* 0 and 2 share a physical CPU */
    for (unsigned i = 0; i < 3; i++) {
        struct bk_vcpu *vcpu = bk_vcpu(hand, i);
        vcpu->turn_end = UINT64_MAX - 1;
        bk_yield(vcpu);
        CU_ASSERT_EQUAL(vcpu->turn_end, i == 1 ? UINT64_MAX - 1 : sim_vcpu_progress(vcpu));
        vcpu->turn_end = UINT64_MAX; /* without turns */
        bk_yield(vcpu);
        CU_ASSERT_EQUAL(vcpu->turn_end, UINT64_MAX);
    }
    sim_machine_free(hand);
}

static void time_passes_for_a_sleepers_stimuli(void)
{
    by_hand(1, 1);
    struct bk_vcpu *vcpu = bk_vcpu(hand, 0);
    hand->pcpu[0].clock = 1000;
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_NMI, 0, 80));
    sim_sleep(vcpu);
    CU_ASSERT_EQUAL(vcpu->slept_at, 1000);
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 80);
    hand->pcpu[0].clock = 1050;
    sim_sleep(vcpu);
    CU_ASSERT_EQUAL(vcpu->slept_at, 1050);
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 30);
    hand->pcpu[0].clock = 900; /* a physical CPU that is behind */
    sim_sleep(vcpu);
    CU_ASSERT_EQUAL(vcpu->slept_at, 1050);
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 30);
    hand->pcpu[0].clock = 1060;
    sim_wake(vcpu);
    CU_ASSERT_EQUAL(vcpu->slept_at, UINT64_MAX);
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 20);
    hand->pcpu[0].clock = 2000;
    sim_wake(vcpu); /* it was awake */
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 20);
    sim_machine_free(hand);
}

static void a_sleeper_stirs_by_what_can_end_its_sleep(void)
{
    by_hand(2, 2);
    struct bk_vcpu *vcpu = bk_vcpu(hand, 0);
    CU_ASSERT_FALSE(bk_stirs(vcpu));
    vcpu->stirred = true; /* something came, and another one took it */
    CU_ASSERT_FALSE(bk_stirs(vcpu));
    vcpu->cpu.pending.init = true;
    CU_ASSERT_TRUE(bk_stirs(vcpu));
    vcpu->cpu.pending.init = false;
    hand->pcpu[0].nmi = true;
    CU_ASSERT_TRUE(bk_stirs(vcpu));
    hand->pcpu[0].nmi = false;
    hand->pcpu[0].interrupts[0] = 1;
    CU_ASSERT_TRUE(bk_stirs(vcpu));
    vcpu->stirred = false; /* it was there when it fell asleep */
    CU_ASSERT_FALSE(bk_stirs(vcpu));
    vcpu->stirred = true;
    vcpu->cpu.state.activity = VMX_WAIT_FOR_SIPI;
    CU_ASSERT_FALSE(bk_stirs(vcpu));
    vcpu->cpu.pending.sipi = true;
    CU_ASSERT_TRUE(bk_stirs(vcpu));
    sim_machine_free(hand);
}

/* Deadlines are those of sleepers, at their own physical CPUs; no clock goes back; the limit ends it. */
static void waiting_goes_to_the_first_deadline_of_a_sleeper(void)
{
    by_hand(3, 2);
    const uint64_t deadlines[] = {1100, 1500, 1300};
    hand->pcpu[0].clock = 1000;
    hand->pcpu[1].clock = 1400;
    const uint64_t steps = hand->steps;
    CU_ASSERT_TRUE(bk_wait(hand, 0, 6, deadlines)); /* vCPU 0 neither runs nor sleeps */
    CU_ASSERT_EQUAL(hand->pcpu[0].clock, 1300);
    CU_ASSERT_EQUAL(hand->pcpu[1].clock, 1400);
    CU_ASSERT_EQUAL(hand->steps, steps + 1);
    CU_ASSERT_TRUE(bk_stimulate(bk_vcpu(hand, 1), BK_NMI, 0, 30));
    CU_ASSERT_TRUE(bk_stimulate(bk_vcpu(hand, 2), BK_NMI, 0, 300));
    const uint64_t never[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    CU_ASSERT_TRUE(bk_wait(hand, 0, 6, never));
    CU_ASSERT_EQUAL(hand->pcpu[0].clock, 1430); /* both go to the first event of all */
    CU_ASSERT_EQUAL(hand->pcpu[1].clock, 1430);
    CU_ASSERT_FALSE(hand->pcpu[0].nmi);
    CU_ASSERT_TRUE(bk_stirs(bk_vcpu(hand, 1)));
    bk_set_limit(hand, 1);
    CU_ASSERT_TRUE(bk_wait(hand, 0, 4, never));
    CU_ASSERT_FALSE(bk_wait(hand, 0, 4, deadlines));
    sim_machine_free(hand);
}

SUITE("sim/turns", {"each_vcpu_has_steps_stack_and_tss_of_its_own", each_vcpu_has_steps_stack_and_tss_of_its_own},
      {"turns_are_as_long_for_guests_that_exit", turns_are_as_long_for_guests_that_exit},
      {"exits_are_handled_in_the_order_of_their_time", exits_are_handled_in_the_order_of_their_time},
      {"two_runs_give_the_same_bytes", two_runs_give_the_same_bytes},
      {"time_does_not_jump_while_somebody_runs", time_does_not_jump_while_somebody_runs}, {"time_passes_when_all_sleep", time_passes_when_all_sleep},
      {"a_vcpu_without_a_start_waits_for_its_sipi", a_vcpu_without_a_start_waits_for_its_sipi},
      {"a_step_for_a_vcpu_that_is_not_there_is_refused", a_step_for_a_vcpu_that_is_not_there_is_refused},
      {"a_turn_is_used_up_by_what_its_vcpu_does", a_turn_is_used_up_by_what_its_vcpu_does}, {"turns_go_round_by_number", turns_go_round_by_number},
      {"being_preempted_and_falling_asleep_end_a_turn", being_preempted_and_falling_asleep_end_a_turn},
      {"who_comes_back_has_a_whole_turn", who_comes_back_has_a_whole_turn},
      {"who_comes_from_a_later_clock_runs_from_there", who_comes_from_a_later_clock_runs_from_there},
      {"a_turn_is_given_up_to_others_alone", a_turn_is_given_up_to_others_alone},
      {"time_passes_for_a_sleepers_stimuli", time_passes_for_a_sleepers_stimuli},
      {"a_sleeper_stirs_by_what_can_end_its_sleep", a_sleeper_stirs_by_what_can_end_its_sleep},
      {"waiting_goes_to_the_first_deadline_of_a_sleeper", waiting_goes_to_the_first_deadline_of_a_sleeper})
