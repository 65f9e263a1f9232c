/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where Bochs 2.7 deviates from the SDM, as far as an exit record shows it. */
#include "bochs_run.h"

#include <string.h>

#include "../../handlers/bench/trace.h"
#include "../../vmx-model/reasons.h"

enum { RFLAGS_RF = 1 << 16, DATA_READ = 1 << 0, OPERAND_SIZE_32 = 1 << 11 };

#define RF_NOT_SAVED                                                                                                                                 \
    "Bochs saves RFLAGS.RF as 0; SDM 3C, \"Saving RIP, RSP, RFLAGS, and SSP\": 1 when the exit is fault-like and no event is being delivered"

const struct sim_known_difference bochs_known_differences[] = {
    {VMX_EXIT_EXCEPTION_NMI, TRACE_RFLAGS, RFLAGS_RF,
     "Bochs saves RFLAGS.RF as 0; SDM 3C, \"Saving RIP, RSP, RFLAGS, and SSP\": as delivery would save it, 1 for a fault"},
    {VMX_EXIT_TRIPLE_FAULT, TRACE_RFLAGS, RFLAGS_RF,
     "Bochs saves RFLAGS.RF as 1; SDM 3C, \"Saving RIP, RSP, RFLAGS, and SSP\": as it stands in the register, which a fault does not change"},
    {VMX_EXIT_EPT_VIOLATION, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
    {VMX_EXIT_EPT_VIOLATION, TRACE_QUALIFICATION, DATA_READ,
     "Bochs leaves bit 0 clear for an access that reads and writes; SDM 3C, \"Exit Qualification for EPT Violations\": processors may set it too"},
    {VMX_EXIT_EPT_MISCONFIG, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
    {VMX_EXIT_APIC_ACCESS, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
    {VMX_EXIT_PML_FULL, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
    {VMX_EXIT_SPP_RELATED_EVENT, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
    {VMX_EXIT_GDTR_IDTR, TRACE_INSTRUCTION_INFO, OPERAND_SIZE_32,
     "Bochs shows operand size 0; SDM 3C, \"Information for VM Exits Due to Instruction Execution\": 1 is 32-bit, outside of 64-bit mode"},
};
const size_t bochs_known_difference_count = sizeof bochs_known_differences / sizeof *bochs_known_differences;

#define REP_COUNT_0                                                                                                                                  \
    "INS and OUTS with REP and a count of 0 exit; SDM 2B, \"REP/REPE/REPZ/REPNE/REPNZ\": the count is tested first, and then nothing is executed"

#define ERROR_CODE_IN_REAL_MODE                                                                                                                      \
    "tells of an error code in real-address mode; SDM 3C, \"Information for VM Exits Due to Vectored Events\": bit 11 is 0 there"

#define NEED_NOT "SDM 3A, \"Caching Translation Information\", allows and does not ask for"
#define EXITS_DROP "drops cached translations at every VM exit and VM entry, VPID or not, which " NEED_NOT

#define WAITS_FOR_IF                                                                                                                                 \
    "an external interrupt waits for the guest's IF; SDM 3C, \"Other Causes of VM Exits\": with external-interrupt exiting it exits whatever IF "    \
    "says"
#define TIMER_WAITS                                                                                                                                  \
    "the VMX-preemption timer waits for the end of blocking by STI and MOV SS; SDM 3C, \"VMX-Preemption Timer\": they do not block its VM exit"

#define ENTRY_CONTROLS "SDM 3C, \"VM-Entry Control Fields\""
#define GUEST_REGISTERS "SDM 3C, \"Checks on Guest Control Registers, Debug Registers, and MSRs\""
#define GUEST_SEGMENTS "SDM 3C, \"Checks on Guest Segment Registers\""
#define GUEST_EVENTS "SDM 3C, \"Checks on Guest Non-Register State\""
#define CODE_AS_DATA "does not compare DPL and RPL of a data segment register that holds nonconforming code; " GUEST_SEGMENTS

#define PUSHES_BEFORE_IT_LOOKS                                                                                                                       \
    "writes the return address before it looks at the target of CALL; SDM 2A, \"CALL\": where the target is beyond the limit, or not canonical, "    \
    "#GP(0) comes first"

const struct bochs_deviation bochs_deviations[] = {
    {"accesses", "a-stack-faults-as-a-stack", ERROR_CODE_IN_REAL_MODE},
    {"accesses", "real-mode-ends-at-64-kib", ERROR_CODE_IN_REAL_MODE},
    {"apic_access", "read-modify-write*",
     "gives access type 0 to what reads and writes back; SDM 3C, \"Exit Qualification for APIC-Access VM Exits\": 1 is a data write, which it is as "
     "well for paging and EPT"},
    {"apic_page", "fetch",
     "ends with a panic of its own at a fetch from the APIC-access page; SDM 3C, \"Virtualizing Memory-Mapped APIC Accesses\": an APIC-access VM "
     "exit"},
    {"apic_page", "paging-structures",
     "gives access type 0 when paging structures stand in the APIC-access page; SDM 3C, \"Exit Qualification for APIC-Access VM Exits\": 15"},
    {"ept", "misconfigured-large-page-bit-12",
     "takes bit 12 of an EPT entry that maps a 2-MByte page; SDM 3C, \"Format of an EPT Page-Directory Entry that Maps a 2-MByte Page\": reserved"},
    {"ept", "sub-page-reserved-bit",
     "takes odd bits of a sub-page permission vector; SDM 3C, \"Sub-Page Permissions\": reserved, an SPP misconfiguration"},
    {"eptp_switching", "invept-of-another-eptp-leaves-them", EXITS_DROP},
    {"eptp_switching", "translations-of-two-eptps-are-apart", "drops cached translations at EPTP switching, which " NEED_NOT},
    {"descriptor_displacement", "sixteen-bits",
     "does not sign-extend a displacement of 16 bits in the exit qualification; SDM 3C, \"Exit Qualification\": it is sign-extended"},
    {"breakpoints", "a-disabled-breakpoint-matches-*",
     "tells of disabled breakpoints too that matched; SDM 3C, \"Exit Qualification for Debug Exceptions\": these bits may be set"},
    {"breakpoints", "general-detect-saves-rf",
     "pushes RF = 0 for the #DB of general detect; SDM 3B, \"Debug Exceptions\": it is a fault, for which RF is pushed as 1"},
    {"breakpoints", "general-detect-ends-with-int1",
     "keeps DR7.GD at INT1; SDM 3B, \"Debug Control Register (DR7)\": it is cleared upon entering the handler of a debug exception"},
    {"breakpoints", "dr7-without-rtm", "keeps bit 11 of DR7 without RTM; SDM 3B, \"Debug Control Register (DR7)\": it is there for RTM"},
    {"descriptor_displacement", "register-operand",
     "shows the displacement of an instruction that it decoded before where the operand is a register; SDM 3C, \"Exit Qualification\": 0"},
    {"delivery_exits", "redirected-vector-*",
     "reads a redirected vector before it pushes; SDM 3B, \"Class 3: Software Interrupt Handling in Virtual-8086 Mode\": the stack is first"},
    {"delivery_faults", "stack-not-canonical-*",
     "gives the selector of SS where the TSS holds a stack pointer that is not canonical; SDM 2A, \"INT n/INTO/INT3/INT1\": #SS(EXT)"},
    {"exception_nmi", "exception-under-*",
     "an exception that exits ends blocking by STI and MOV SS; SDM 3C, \"Saving Non-Register State\": as it was before the instruction"},
    {"exception_nmi", "nmi",
     "a VM entry does not end blocking by NMI; SDM 3C, \"Loading Non-Register State\": blocking is what the interruptibility state says"},
    {"external_interrupt", "external-interrupt-with-if-0", WAITS_FOR_IF},
    {"far_transfers", "pushes-nothing-*", PUSHES_BEFORE_IT_LOOKS},
    {"far_transfers", "iret-to-a-stack-that-is-not-present",
     "gives #NP where the stack of IRET is not present in IA-32e mode; SDM 2A, \"IRET/IRETD/IRETQ\": #SS"},
    {"far_transfers", "iret-in-64-bit-mode-*",
     "leaves SS:RSP on the stack for IRET of 16 or 32 bits in 64-bit mode; SDM 2A, \"IRET/IRETD/IRETQ\": 64-bit mode pops them always"},
    {"hlt", "hlt-without-exiting", WAITS_FOR_IF},
    {"invpcid", "invpcid-of-a-user",
     "INVPCID exits at CPL 3; SDM 3C, \"Relative Priority of Faults and VM Exits\": faults based on privilege level come first, #GP"},
    {"lenient", "CTL.INJ.TYPE_OTHER", "injects events of type 7 without \"monitor trap flag\", and ends with a panic of its own; " ENTRY_CONTROLS},
    {"lenient", "CTL.INJ.ERRCODE_REALMODE", "injects error codes in real-address mode where IA32_VMX_BASIC[56] is 1; " ENTRY_CONTROLS},
    {"lenient", "CTL.INJ.ERRCODE_TYPE", "injects error codes with any type where IA32_VMX_BASIC[56] is 1; " ENTRY_CONTROLS},
    {"lenient", "HOST.PERF_GLOBAL_CTRL", "does not judge reserved bits; SDM 3C, \"Checks on Host Control Registers, MSRs, and SSP\""},
    {"lenient", "GUEST.PERF_GLOBAL_CTRL", "does not judge reserved bits; " GUEST_REGISTERS},
    {"lenient", "GUEST.DEBUGCTL", "does not judge reserved bits; " GUEST_REGISTERS},
    {"lenient", "GUEST.DS.AR.DPL", CODE_AS_DATA},
    {"lenient", "GUEST.ES.AR.DPL", CODE_AS_DATA},
    {"lenient", "GUEST.FS.AR.DPL", CODE_AS_DATA},
    {"lenient", "GUEST.GS.AR.DPL", CODE_AS_DATA},
    {"lenient", "GUEST.CS.AR.DPL_NONCONF", "compares the DPL of CS with its RPL; " GUEST_SEGMENTS ": with the DPL of SS"},
    {"lenient", "GUEST.SS.*", "does not judge SS whose selector is null in 64-bit mode, but for its DPL; " GUEST_SEGMENTS ": when it is usable"},
    {"lenient", "GUEST.PDBG.RESERVED", "does not judge bits 63:32 of the pending debug exceptions; " GUEST_EVENTS},
    {"lenient", "HOST.CR4.CET_WP", "enters with host CR4.CET = 1 and CR0.WP = 0; SDM 3C, \"Checks on Host Control Registers, MSRs, and SSP\""},
    {"lenient", "GUEST.IA32E.PG", "enters an IA-32e mode guest with CR0.PG = 0 where \"unrestricted guest\" is 1; " GUEST_REGISTERS},
    {"lenient", "GUEST.RFLAGS.VM_REAL", "enters with RFLAGS.VM = 1 and CR0.PE = 0; SDM 3C, \"Checks on Guest RIP, RFLAGS, and SSP\""},
    {"lenient", "GUEST.INTR.NMI_STI",
     "gives qualification 0 for an NMI under blocking by STI; SDM 3C, \"VM-Entry Failures During or After Loading Guest State\": 3"},
    {"lenient", "GUEST.INTR.NMI_VIRTUAL", "injects an NMI under virtual-NMI blocking; " GUEST_EVENTS},
    {"lenient", "msr-list-of-4-gbytes", "counts the bytes of an MSR list in 32 bits and refuses one of 4 GBytes at address 0; " ENTRY_CONTROLS},
    {"lenient", "GUEST.RIP.WIDTH", "enters with a RIP beyond the linear-address width; SDM 3C, \"Checks on Guest RIP, RFLAGS, and SSP\""},
    {"lenient", "GUEST.ACTIVITY.INJ_HLT", "injects any event in the HLT state; " GUEST_EVENTS},
    {"lenient", "GUEST.PDBG.BS_SET", "does not judge the pending single step; " GUEST_EVENTS},
    {"lenient", "GUEST.PDBG.BS_CLEAR", "does not judge the pending single step; " GUEST_EVENTS},
    {"lenient", "code-rpl-is-free", "judges the RPL of CS with \"unrestricted guest\"; " GUEST_SEGMENTS ": only without it"},
    {"lenient", "fmask-high-half", "loads reserved bits of IA32_FMASK; SDM 4, \"Model-Specific Registers\": 63:32 are reserved"},
    {"lenient", "tsc-aux-high-half", "loads reserved bits of IA32_TSC_AUX; SDM 4, \"Model-Specific Registers\": 63:32 are reserved"},
    {"lenient", "xss-of-absent-states",
     "loads bits 12:11 of IA32_XSS, which its CPUID does not list; SDM 2A, \"CPUID\", leaf 0DH, sub-leaf 1: those of ECX and EDX alone"},
    {"lenient", "ssp-that-is-not-canonical",
     "wants a canonical SSP; SDM 3C, \"Checks on Guest RIP, RFLAGS, and SSP\": bits from the linear-address width upwards are identical"},
    {"lenient", "enabled-breakpoint-alone",
     "delivers no #DB for bit 12 of the pending debug exceptions alone; SDM 3C, \"Delivery of Pending Debug Exceptions after VM Entry\": it does"},
    {"lenient", "conditions-in-the-halt-state",
     "delivers pending debug exceptions in the HLT state and stays in it; SDM 3C, \"Activity State\": the exception wakes the processor"},
    {"lenient", "conditions-behind-an-injected-interrupt",
     "drops pending debug exceptions when it delivers the injected event; SDM 3C, \"Delivery of Pending Debug Exceptions after VM Entry\": a "
     "software "
     "interrupt under blocking by MOV SS keeps them"},
    {"lenient", "conditions-under-blocking",
     "drops breakpoint conditions of the pending debug exceptions without bit 12; SDM 3C, \"Saving Non-Register State\": under blocking by MOV SS "
     "they "
     "are saved"},
    {"monitor_trap_flag", "monitor-trap-flag-injected-*",
     "takes the injected monitor trap flag for an event that is delivered; SDM 3C, \"VM Entry\": activity and blocking are those of the VMCS"},
    {"monitor_trap_flag", "monitor-trap-flag-after-out",
     "takes \"monitor trap flag\" and causes no VM exit, after no instruction; SDM 3C, \"Monitor Trap Flag\": one behind each instruction. Only the "
     "injected event causes one"},
    {"msr_store", "tsc-without-the-offset",
     "adds the TSC offset to what it stores of IA32_TIME_STAMP_COUNTER; SDM 3C, \"Saving MSRs\": the counter's own value"},
    {"near_branches", "real-*", ERROR_CODE_IN_REAL_MODE},
    {"near_branches", "pushes-nothing-*", PUSHES_BEFORE_IT_LOOKS},
    {"non_register_state", "GUEST.DEBUGCTL",
     "takes reserved bits of IA32_DEBUGCTL; SDM 3C, \"Checks on Guest Control Registers, Debug Registers, and MSRs\": they are 0"},
    {"non_register_state", "GUEST.ACTIVITY.INJ_HLT",
     "injects an invalid-opcode exception into the HLT state; SDM 3C, \"Checks on Guest Non-Register State\": interrupts, NMIs, debug and "
     "machine-check "
     "exceptions alone"},
    {"non_register_state", "GUEST.PDBG.BS_*",
     "does not hold BS of the pending debug exceptions against RFLAGS.TF; SDM 3C, \"Checks on Guest Non-Register State\": it has to agree under "
     "blocking"},
    {"non_register_state", "CTL.INJ.OTHER_VECTOR",
     "ends with a panic of its own at an injection of type 7 with vector 1; SDM 3C, \"VM-Entry Control Fields\": VMfailValid"},
    {"preemption_timer", "preemption-timer-under-*", TIMER_WAITS},
    {"rdrand_rdseed", "rdrand-and-rdseed",
     "RDSEED of a 16-bit register shows operand size 1; SDM 3C, \"Information for VM Exits Due to Instruction Execution\": 0 is 16-bit"},
    {"real_mode_errors", "error-code",
     "gives #GP of SYSENTER an error code in real-address mode; SDM 3C, \"Information for VM Exits Due to Vectored Events\": bit 11 is 0 there"},
    {"rep_io", "rep-ins-count-0", REP_COUNT_0},
    {"rep_io", "rep-outs-count-0", REP_COUNT_0},
    {"translation_cache", "guest-cr0-wp*", "drops cached translations when CR0.WP changes, which " NEED_NOT},
    {"translation_cache", "pcid-kept-with-bit-63", "drops cached translations of all PCIDs when CR3 is loaded, which " NEED_NOT},
    {"translation_cache", "host-exit-with-vpid*", EXITS_DROP},
    {"translation_cache", "host-invvpid-another*", EXITS_DROP},
    {"translation_cache", "host-invvpid-keep-globals-global", EXITS_DROP},
    {"translation_cache", "host-invept-another-eptp*", EXITS_DROP},
    {"translation_cache", "ept-nothing", EXITS_DROP},
    {"translation_cache", "ept-invept-another-eptp", EXITS_DROP},
    {"translation_cache", "ept-invvpid-another-address", EXITS_DROP},
    {"single_step", "exit-under-tf",
     "saves a pending single step when an instruction exits under RFLAGS.TF; SDM 3C, \"Saving Non-Register State\": it has not completed"},
    {"single_step", "reflected-fault-saves-rf",
     "saves RFLAGS.RF as 0 at the exit, so that a reflected fault pushes 0; SDM 3C, \"Saving RIP, RSP, RFLAGS, and SSP\": 1"},
    {"vcpus", "sipi-starts-a-waiting-vcpu",
     "saves the active state at a VM exit by a SIPI; SDM 3C, \"Saving Non-Register State\": the state before the VM exit, which is wait-for-SIPI"},
    {"vcpus", "a-vcpu-runs-from-its-sipi-on",
     "a processor that has waited for a SIPI goes on blocking SMIs and NMIs, and saves that, so that its next VM entry but one fails; SDM 3C, "
     "\"Saving "
     "Non-Register State\": the blocking before the VM exit, which is none"},
    {"virtual_interrupts", "window-hlt",
     "a virtual interrupt that is recognized does not wake from HLT; SDM 3C, \"Virtual-Interrupt Delivery\": it wakes as an external interrupt "
     "would"},
};
const size_t bochs_deviation_count = sizeof bochs_deviations / sizeof *bochs_deviations;

/* "scenarios/rules/rep_io.lua" and "rep_io" */
static bool is_script(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    const size_t length = strlen(name);
    return strncmp(file, name, length) == 0 && strcmp(file + length, ".lua") == 0;
}

static bool is_named(const char *scenario, const char *name)
{
    const size_t length = strlen(name);
    const bool any = length != 0 && name[length - 1] == '*';
    return any ? strncmp(name, scenario, length - 1) == 0 : strcmp(name, scenario) == 0;
}

const struct bochs_deviation *bochs_deviation(const struct sim_scenario *scenario)
{
    for (size_t i = 0; i < bochs_deviation_count; i++)
        if (is_script(scenario->file, bochs_deviations[i].script) && is_named(scenario->name, bochs_deviations[i].scenario))
            return &bochs_deviations[i];
    return NULL;
}
