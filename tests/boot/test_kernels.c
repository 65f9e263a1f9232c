/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernels that run inside: each judges every line that it prints; two runs print the same, and so does Bochs. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../vmx-model/reasons.h"
#include "kernel_run.h"
#include "tests/support/suite.h"

static const unsigned hosts[] = {32, 36, 64}; /* protected mode, protected mode with PAE, 64-bit mode */
enum { HOSTS = sizeof hosts / sizeof hosts[0] };

static void expect_all_right(const char *name, const char *profile)
{
    for (unsigned i = 0; i < HOSTS; i++)
        free(kernel_all_right(&(struct kernel_run){.name = name, .profile = profile, .host = hosts[i]}));
}

#define FEATURE_CONTROL "takes reserved bits of IA32_FEATURE_CONTROL; SDM 4, \"Model-Specific Registers\": #GP"
#define BEFORE_EXIT "SDM 3C, \"Saving Non-Register State\": the state before the VM exit"
#define REAL_CODE "enters a guest in real-address mode with type 3; SDM 3C, \"Loading Guest Segment Registers\": with the type of the VMCS"
#define STACK_NOT_CANONICAL "gives the selector of SS; SDM 2A, \"INT n/INTO/INT3/INT1\": #SS(EXT)"
#define LOGGED "SDM 3C, \"Page-Modification Logging\": bits 11:0 of what is logged are 0"

/* Lines in which Bochs departs from the manual. */
static const struct {
    const char *begin, *what;
} deviations[] = {
    {"INVEPT, type 0 from nowhere: ", "reads the descriptor before it judges the type"},
    {"INVVPID, type 4 from nowhere: ", "as above"},
    {"INVVPID, a type of 64 bits: ", "takes 32 bits of the type"},
    {"the page is logged: ", LOGGED},
    {"the last entry is used: ", LOGGED},
    {"#VE information: EPTP index: ", "gives the index of the last EPTP switching; SDM 3C, \"Convertible EPT Violations\": the field of the VMCS"},
    {"VMLAUNCH of a shadow VMCS: ", "enters it as any other; SDM 3C, \"Basic VM-Entry Checks\": VMfailInvalid"},
    {"NMIs were not blocked: ",
     "saves what the exit leaves; SDM 3C, \"Architectural State Before a VM Exit\": the NMI blocks others behind the exit"},
    {"XRSTOR, SSE initial: MXCSR is not looked at: ", "looks at MXCSR of a compacted area where SSE is initial"},
    {"MXCSR is initial with it: ", "as above"},
    {"PKRU behind the header: ", "has PKRU of a compacted area where a standard area has it"},
    {"XSAVE beyond memory: ", "reads before it writes, in an order that the manual does not tell"},
    {"RSP0 not canonical: ", STACK_NOT_CANONICAL},
    {"interrupt stack not canonical: ", STACK_NOT_CANONICAL},
    {"DR7.GD in ring 3: ", "looks at DR7.GD before the privilege level, an order that the manual does not tell"},
    {"DR7.GD is still set: ", "as above"},
    {"WRMSR of IA32_TSC_AUX, bit 32: ", "takes reserved bits of IA32_TSC_AUX; SDM 4, \"Model-Specific Registers\": #GP"},
    {"SYSCALL, TF = 1 and masked: ", "single-steps a SYSCALL that has cleared TF; SDM 2B, \"SYSCALL\": the flags of IA32_FMASK are clear behind it"},
    {"R11 has TF, which is masked: ", "as above"},
    {"the step of SYSRET ends behind it: ",
     "steps one instruction more, as behind an IRET; processors take the trap of the TF that SYSRET loads at once"},
    {"RF is set, since it goes on: ", "pushes RF = 0 between iterations of REP; SDM 3B, \"Instruction-Breakpoint Exception Condition\": 1"},
    {"REP INS of a denied port, no iteration: ",
     "looks at the port before the count; SDM 2B, \"REP/REPE/REPZ/REPNE/REPNZ\": with a count of 0 nothing is executed"},
    {"bit 3 is reserved: ", FEATURE_CONTROL},
    {"bit 8 is reserved: ", FEATURE_CONTROL},
    {"bit 32 is reserved: ", FEATURE_CONTROL},
    {"EPT, real, rights of CS: ", REAL_CODE},
    {"EPT, real with 4-GByte limits, rights of CS: ", REAL_CODE},
    {"an external interrupt exits, IF = 0: ", "waits for the guest's IF; SDM 3C, \"Other Causes of VM Exits\": it exits whatever IF says"},
    {"the interrupt that waited: ", "an INIT that has caused a VM exit causes another one, as soon as it is not masked"},
    {"activity state in HLT: ", "saves the active state; " BEFORE_EXIT},
    {"activity state behind SIPI: ", "saves the active state; " BEFORE_EXIT},
    {"blocking behind SIPI: ", "saves blocking by SMI and by NMI, which is how it holds them back in wait-for-SIPI"},
    {"RFLAGS behind SIPI: ", "clears RFLAGS.IF for the same end"},
    {"RDSEED, information: ", "gives the size of 32 bits; SDM 3C, \"Information for VM Exits Due to Instruction Execution\": 0 is 16-bit"},
    {"VMX operation blocks A20M: ", "masks all the same; SDM 3C, \"VMXON\": block and disable A20M"},
    {"qualification of an NMI behind STI: ", "gives 0; SDM 3C, \"VM-Entry Failures During or After Loading Guest State\": 3"},
};

/* In lines that end in ", kept" this machine shows a cached translation; each of Bochs' VM entries drops them all, which the manual allows. */
static bool deviates(const char *line)
{
    for (unsigned i = 0; i < sizeof deviations / sizeof *deviations; i++)
        if (strncmp(line, deviations[i].begin, strlen(deviations[i].begin)) == 0)
            return true;
    return strstr(line, ", kept: ") != NULL;
}

/* Line by line; a deviation must be there, or its row is out of date. */
static void compare(const char *name, unsigned host, char *ours, char *theirs)
{
    char *rest = NULL, *other_rest = NULL;
    const char *other = strtok_r(theirs, "\n", &other_rest);
    for (const char *line = strtok_r(ours, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        const bool same = other != NULL && strcmp(line, other) == 0;
        CU_ASSERT_NOT_EQUAL(same, deviates(line));
        if (same == deviates(line))
            printf("%s-%u: \"%s\", Bochs: \"%s\"\n", name, host, line, other != NULL ? other : "nothing");
        other = strtok_r(NULL, "\n", &other_rest);
    }
    CU_ASSERT_PTR_NULL(other);
}

static void expect_bochs_agrees(const char *name, const char *profile, unsigned cpus)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        const struct kernel_run run = {.name = name, .profile = profile, .host = hosts[i], .cpus = cpus, .from_rom = true};
        struct kernel_outcome ours = kernel_run(&run);
        char *theirs = kernel_on_bochs(&run);
        CU_ASSERT_EQUAL(ours.status, KERNEL_ALL_RIGHT);
        compare(name, hosts[i], ours.serial, theirs);
        free(ours.serial);
        free(theirs);
    }
}

static void vmx_instructions_follow_the_manual(void)
{
    expect_all_right("instructions", "sapphire-rapids");
    expect_all_right("instructions", "nehalem");
    expect_all_right("instructions", "skylake-sp");
}

static void transitions_follow_the_manual(void)
{
    expect_all_right("transitions", "sapphire-rapids");
    expect_all_right("transitions", "skylake-sp");
}

/* Nehalem has none of them, Haswell a few. */
static void features_follow_the_manual(void)
{
    expect_all_right("features", "sapphire-rapids");
    expect_all_right("features", "skylake-sp");
    expect_all_right("features", "haswell");
    expect_all_right("features", "nehalem");
}

static void guests_of_every_mode_come_and_go(void)
{
    expect_all_right("modes", "sapphire-rapids");
    expect_all_right("modes", "skylake-sp");
    expect_all_right("modes", "nehalem");
}

/* ---- what tells of VMX before it is on ---- */
/* The line of each MSR is that of the profile; *text goes on behind them. */
static bool msrs_are_those_of(const struct vmx_caps *caps, const char *text)
{
    enum { FIRST = 0x480, LAST = 0x497 };
    for (uint32_t index = FIRST; index <= LAST; index++) {
        char line[64];
        uint64_t value;
        if (vmx_capability_msr(caps, index, &value))
            snprintf(line, sizeof line, "%08X: %016llX\n", index, (unsigned long long)value);
        else
            snprintf(line, sizeof line, "%08X: none\n", index);
        if (strncmp(text, line, strlen(line)) != 0) {
            printf("%s: wanted %s", caps->name, line);
            return false;
        }
        text += strlen(line);
    }
    return true;
}

static void capability_msrs_are_the_profiles(void)
{
    for (unsigned i = 0; i < vmx_profile_count; i++)
        for (unsigned k = 0; k < HOSTS; k++) {
            char *text = kernel_all_right(&(struct kernel_run){.name = "capabilities", .profile = vmx_profiles[i].name, .host = hosts[k]});
            CU_ASSERT(msrs_are_those_of(&vmx_profiles[i], text));
            free(text);
        }
}

/* Bit 0 locks, bit 1 is for VMXON inside SMX, bit 2 for VMXON outside: the kernel expects #GP unless the last is 1. */
static void feature_control_decides_on_vmxon(void)
{
    for (unsigned value = 0; value < 8; value++)
        free(kernel_all_right(&(struct kernel_run){
            .name = "capabilities", .profile = "skylake-sp", .host = 64, .feature_control_set = true, .feature_control = value}));
}

/* ---- VMX aborts ---- */
static void a_vmx_abort_shuts_the_processor_down(void)
{
    enum { VMCS_A = 0x301000, STORE_MSR = 1, HOST_PDPTE = 2, LOAD_MSR = 4, IA32E_MODE = 6, EVERY = 0, NOT_64 = 1 };
    static const struct {
        const char *text;
        uint32_t indicator;
        unsigned host; /* EVERY, or this one, or NOT_64 */
    } rows[] = {{"store", STORE_MSR, EVERY},
                {"load", LOAD_MSR, EVERY},
                {"failed entry", LOAD_MSR, EVERY},
                {"pdptes", HOST_PDPTE, 36},
                {"mode", IA32E_MODE, NOT_64}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned k = 0; k < HOSTS; k++) {
            char error[64];
            if ((rows[i].host > NOT_64 && rows[i].host != hosts[k]) || (rows[i].host == NOT_64 && hosts[k] == 64))
                continue;
            const struct kernel_run run = {.name = "aborts", .profile = "sapphire-rapids", .host = hosts[k], .text = rows[i].text, .watched = VMCS_A};
            struct kernel_outcome outcome = kernel_run(&run);
            snprintf(error, sizeof error, "VMX abort %u: the processor is shut down", rows[i].indicator);
            CU_ASSERT_EQUAL(outcome.end, SIM_BOARD_TRIPLE_FAULT);
            CU_ASSERT_STRING_EQUAL(outcome.error, error);
            CU_ASSERT_EQUAL(outcome.word[1], rows[i].indicator);
            CU_ASSERT_STRING_EQUAL(outcome.serial, "");
            free(outcome.serial);
        }
}

static void apic_virtualization_follows_the_manual(void)
{
    expect_all_right("apic", "sapphire-rapids");
    expect_all_right("apic", "haswell");
    expect_all_right("apic", "nehalem");
}

static void a_hypervisor_runs_on_every_processor(void)
{
    for (unsigned cpus = 1; cpus <= SIM_BARE_CPUS_MAX; cpus++)
        for (unsigned i = 0; i < HOSTS; i++)
            free(kernel_all_right(&(struct kernel_run){.name = "smp", .profile = "sapphire-rapids", .host = hosts[i], .cpus = cpus}));
}

static void far_transfers_of_ring_3_have_its_rights(void)
{
    expect_all_right("rings", "sapphire-rapids");
    expect_all_right("rings", "nehalem");
}

static void state_components_follow_the_manual(void)
{
    expect_all_right("extended", "sapphire-rapids");
    expect_all_right("extended", "haswell");
    expect_all_right("extended", "nehalem");
}

/* In root operation and in guests, with one processor and with several, at instants of no meaning. */
static void they_go_on_from_snapshots(void)
{
    static const struct kernel_run runs[] = {{.name = "apic", .profile = "sapphire-rapids", .host = 64},
                                             {.name = "transitions", .profile = "skylake-sp", .host = 36, .from_rom = true},
                                             {.name = "smp", .profile = "sapphire-rapids", .host = 32, .cpus = 4}};
    static const uint64_t instants[] = {1, 4321, 6789, 12345, 15151};
    for (unsigned i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        char *whole = kernel_all_right(&runs[i]);
        for (unsigned k = 0; k < sizeof instants / sizeof instants[0]; k++) {
            struct kernel_outcome parts = kernel_run_interrupted(&runs[i], instants[k]);
            CU_ASSERT_EQUAL(parts.end, SIM_BOARD_STATUS);
            CU_ASSERT_EQUAL(parts.status, KERNEL_ALL_RIGHT);
            CU_ASSERT_STRING_EQUAL(parts.serial, whole);
            free(parts.serial);
        }
        free(whole);
    }
}

static void event_delivery_follows_the_manual(void)
{
    expect_all_right("delivery", "sapphire-rapids");
    expect_all_right("delivery", "bochs-tigerlake"); /* which has CR4.VME */
}

static void system_instructions_follow_the_manual(void)
{
    expect_all_right("system", "sapphire-rapids");
    expect_all_right("system", "nehalem");
}

static void instructions_exit_by_their_controls(void)
{
    expect_all_right("exits", "sapphire-rapids");
    expect_all_right("exits", "bochs-tigerlake"); /* which has sub-page write permissions */
    expect_all_right("exits", "nehalem");
}

static void a20m_masks_outside_of_vmx_operation(void)
{
    expect_all_right("a20", "sapphire-rapids");
    expect_all_right("a20", "nehalem");
}

static void system_calls_follow_the_manual(void)
{
    expect_all_right("calls", "sapphire-rapids");
    expect_all_right("calls", "haswell");
    expect_all_right("calls", "nehalem");
}

/* What no kernel can raise, and why. */
static const struct {
    unsigned reason;
    const char *why;
} never_raised[] = {
    {VMX_EXIT_IO_SMI, "dual-monitor treatment is not modelled"},
    {VMX_EXIT_OTHER_SMI, "as above"},
    {VMX_EXIT_RSM, "as above: elsewhere RSM is #UD outside of SMM"},
    {VMX_EXIT_MCE_DURING_VMENTRY, "no software makes a machine check"},
    {VMX_EXIT_ENCLS, "no profile offers SGX"},
    {VMX_EXIT_ENCLV, "as above"},
    {VMX_EXIT_PCONFIG, "no profile offers it"},
    {VMX_EXIT_LOADIWKEY, "no profile offers Key Locker"},
    {VMX_EXIT_ENQCMD_PASID_TRANSLATION_FAILURE, "PASID translation is not modelled"},
    {VMX_EXIT_ENQCMDS_PASID_TRANSLATION_FAILURE, "as above"},
    {VMX_EXIT_BUS_LOCK, "bus-lock detection is not modelled"},
    {VMX_EXIT_NOTIFY, "instruction timeout is not modelled"},
    {VMX_EXIT_SEAMCALL, "no profile offers TDX"},
    {VMX_EXIT_TDCALL, "as above"},
    {VMX_EXIT_RDMSRLIST, "no profile offers it"},
    {VMX_EXIT_WRMSRLIST, "as above"},
    {VMX_EXIT_URDMSR, "as above"},
    {VMX_EXIT_UWRMSR, "as above"},
    {VMX_EXIT_MSR_READ_IMM, "as above"},
    {VMX_EXIT_MSR_WRITE_IMM, "as above"},
};

static const char *why_never(unsigned reason)
{
    for (unsigned i = 0; i < sizeof never_raised / sizeof *never_raised; i++)
        if (never_raised[i].reason == reason)
            return never_raised[i].why;
    return NULL;
}

/* Behind all other tests: a table of the reasons, and of the kernels whose guests have exited for them. */
static void every_exit_reason_is_raised_in_a_kernel(void)
{
    for (unsigned reason = 0; reason < VMX_REASON_LIMIT; reason++) {
        if (vmx_reasons[reason].class_name == NULL || strcmp(vmx_reasons[reason].class_name, "reserved") == 0)
            continue;
        const char *name = kernel_that_raised(reason, 0), *why = why_never(reason);
        CU_ASSERT_NOT_EQUAL(name == NULL, why == NULL);
        printf("\n%2u %-26s %s", reason, vmx_reasons[reason].name, name != NULL ? name : why != NULL ? why : "NOWHERE");
        for (unsigned i = 1; name != NULL && (name = kernel_that_raised(reason, i)) != NULL; i++)
            printf(" %s", name);
    }
    printf("\n");
}

static void bochs_says_the_same(void)
{
    static const char *const names[] = {"capabilities", "instructions", "transitions", "features", "modes", "apic", "rings", "delivery", "a20"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        expect_bochs_agrees(names[i], "bochs-skylake-x", 1);
    expect_bochs_agrees("extended", "bochs-tigerlake", 1);
    expect_bochs_agrees("system", "bochs-tigerlake", 1);
    expect_bochs_agrees("exits", "bochs-tigerlake", 1);
    expect_bochs_agrees("calls", "bochs-tigerlake", 1);
}

static void bochs_says_the_same_of_several_processors(void)
{
    expect_bochs_agrees("smp", "bochs-skylake-x", 2);
}

SUITE("boot/kernels", {"vmx_instructions_follow_the_manual", vmx_instructions_follow_the_manual},
      {"transitions_follow_the_manual", transitions_follow_the_manual}, {"features_follow_the_manual", features_follow_the_manual},
      {"guests_of_every_mode_come_and_go", guests_of_every_mode_come_and_go}, {"capability_msrs_are_the_profiles", capability_msrs_are_the_profiles},
      {"feature_control_decides_on_vmxon", feature_control_decides_on_vmxon},
      {"a_vmx_abort_shuts_the_processor_down", a_vmx_abort_shuts_the_processor_down},
      {"state_components_follow_the_manual", state_components_follow_the_manual},
      {"event_delivery_follows_the_manual", event_delivery_follows_the_manual},
      {"system_instructions_follow_the_manual", system_instructions_follow_the_manual},
      {"instructions_exit_by_their_controls", instructions_exit_by_their_controls},
      {"system_calls_follow_the_manual", system_calls_follow_the_manual},
      {"a20m_masks_outside_of_vmx_operation", a20m_masks_outside_of_vmx_operation},
      {"apic_virtualization_follows_the_manual", apic_virtualization_follows_the_manual},
      {"a_hypervisor_runs_on_every_processor", a_hypervisor_runs_on_every_processor},
      {"far_transfers_of_ring_3_have_its_rights", far_transfers_of_ring_3_have_its_rights}, {"they_go_on_from_snapshots", they_go_on_from_snapshots},
      {"bochs_says_the_same", bochs_says_the_same}, {"bochs_says_the_same_of_several_processors", bochs_says_the_same_of_several_processors},
      {"every_exit_reason_is_raised_in_a_kernel", every_exit_reason_is_raised_in_a_kernel})
