/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of an exit under the names that scripts use. */
#include "match_names.h"

#include <stddef.h>
#include <string.h>

#include "../vmx-model/exit_info.h"
#include "../vmx-model/names.h"
#include "../vmx-model/reasons.h"

static const struct match_value io_directions[] = {{"out", 0}, {"in", 1}, {0}};
static const struct match_value dr_directions[] = {{"to", 0}, {"from", 1}, {0}};
static const struct match_value cr_types[] = {{"mov_to", 0}, {"mov_from", 1}, {"clts", 2}, {"lmsw", 3}, {0}};
static const struct match_value apic_accesses[] = {{"read", 0},      {"write", 1}, {"fetch", 2}, {"delivery", 3}, {"physical_delivery", 10},
                                                   {"physical", 15}, {0}};
static const struct match_value task_sources[] = {{"call", 0}, {"iret", 1}, {"jmp", 2}, {"gate", 3}, {0}};
static const struct match_value registers[] = {{"rax", 0},  {"rcx", 1},  {"rdx", 2},  {"rbx", 3},  {"rsp", 4},  {"rbp", 5},
                                               {"rsi", 6},  {"rdi", 7},  {"r8", 8},   {"r9", 9},   {"r10", 10}, {"r11", 11},
                                               {"r12", 12}, {"r13", 13}, {"r14", 14}, {"r15", 15}, {0}};
static const struct match_value vectors[] = {{"#DE", 0},  {"#DB", 1},  {"NMI", 2},  {"#BP", 3},  {"#OF", 4},  {"#BR", 5},  {"#UD", 6},
                                             {"#NM", 7},  {"#DF", 8},  {"#TS", 10}, {"#NP", 11}, {"#SS", 12}, {"#GP", 13}, {"#PF", 14},
                                             {"#MF", 16}, {"#AC", 17}, {"#MC", 18}, {"#XM", 19}, {"#VE", 20}, {"#CP", 21}, {0}};
static const struct match_value event_types[] = {{"external_interrupt", VMX_EVENT_EXTERNAL_INTERRUPT},
                                                 {"nmi", VMX_EVENT_NMI},
                                                 {"hardware_exception", VMX_EVENT_HARDWARE_EXCEPTION},
                                                 {"software_interrupt", VMX_EVENT_SOFTWARE_INTERRUPT},
                                                 {"privileged_software_exception", VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION},
                                                 {"software_exception", VMX_EVENT_SOFTWARE_EXCEPTION},
                                                 {0}};
static const struct match_value activities[] = {
    {"active", VMX_ACTIVE}, {"hlt", VMX_HLT}, {"shutdown", VMX_SHUTDOWN}, {"wait_for_sipi", VMX_WAIT_FOR_SIPI}, {0}};

const struct match_row match_rows[] = {
    {"qualification", TRACE_QUALIFICATION, NULL, false},
    {"rip", TRACE_RIP, NULL, true},
    {"rsp", TRACE_RSP, NULL, false},
    {"rflags", TRACE_RFLAGS, NULL, false},
    {"length", TRACE_INSTRUCTION_LENGTH, NULL, false},
    {"instruction_info", TRACE_INSTRUCTION_INFO, NULL, false},
    {"guest_linear", TRACE_GUEST_LINEAR, NULL, true},
    {"guest_physical", TRACE_GUEST_PHYSICAL, NULL, true},
    {"interruption_info", TRACE_INTERRUPTION_INFO, NULL, false},
    {"interruption_error", TRACE_INTERRUPTION_ERROR, NULL, false},
    {"idt_info", TRACE_IDT_INFO, NULL, false},
    {"idt_error", TRACE_IDT_ERROR, NULL, false},
    {"interruptibility", TRACE_INTERRUPTIBILITY, NULL, false},
    {"activity", TRACE_ACTIVITY, activities, false},
    {"pending_debug", TRACE_PENDING_DEBUG, NULL, false},
    {"cr0", TRACE_CR0, NULL, false},
    {"cr3", TRACE_CR3, NULL, false},
    {"cr4", TRACE_CR4, NULL, false},
    {"physical_cpu", TRACE_PHYSICAL_CPU, NULL, false},
    {"port", MATCH_PORT, NULL, false},
    {"size", MATCH_SIZE, NULL, false},
    {"direction", MATCH_DIRECTION, io_directions, false},
    {"string", MATCH_STRING, NULL, false},
    {"rep", MATCH_REP, NULL, false},
    {"immediate", MATCH_IMMEDIATE, NULL, false},
    {"cr", MATCH_CR, NULL, false},
    {"cr_type", MATCH_CR_TYPE, cr_types, false},
    {"gpr", MATCH_GPR, registers, false},
    {"dr", MATCH_DR, NULL, false},
    {"vector", MATCH_VECTOR, vectors, false},
    {"event_type", MATCH_EVENT_TYPE, event_types, false},
    {"error_code", MATCH_ERROR_CODE, NULL, false},
    {"read", MATCH_READ, NULL, false},
    {"write", MATCH_WRITE, NULL, false},
    {"fetch", MATCH_FETCH, NULL, false},
    {"idt_vector", MATCH_IDT_VECTOR, vectors, false},
    {"idt_type", MATCH_IDT_TYPE, event_types, false},
    {"msr", MATCH_MSR, NULL, false},
    {"selector", MATCH_SELECTOR, NULL, false},
    {"source", MATCH_SOURCE, task_sources, false},
    {"offset", MATCH_OFFSET, NULL, false},
    {"access", MATCH_ACCESS, apic_accesses, false},
    {"rax", MATCH_REGISTER + VMX_RAX, NULL, false},
    {"rcx", MATCH_REGISTER + VMX_RCX, NULL, false},
    {"rdx", MATCH_REGISTER + VMX_RDX, NULL, false},
    {"rbx", MATCH_REGISTER + VMX_RBX, NULL, false},
    {"rbp", MATCH_REGISTER + VMX_RBP, NULL, false},
    {"rsi", MATCH_REGISTER + VMX_RSI, NULL, false},
    {"rdi", MATCH_REGISTER + VMX_RDI, NULL, false},
    {"r8", MATCH_REGISTER + VMX_R8, NULL, false},
    {"r9", MATCH_REGISTER + VMX_R9, NULL, false},
    {"r10", MATCH_REGISTER + VMX_R10, NULL, false},
    {"r11", MATCH_REGISTER + VMX_R11, NULL, false},
    {"r12", MATCH_REGISTER + VMX_R12, NULL, false},
    {"r13", MATCH_REGISTER + VMX_R13, NULL, false},
    {"r14", MATCH_REGISTER + VMX_R14, NULL, false},
    {"r15", MATCH_REGISTER + VMX_R15, NULL, false},
};
const unsigned match_row_count = sizeof match_rows / sizeof match_rows[0];

static const struct match_row dr_direction = {"direction", MATCH_DIRECTION, dr_directions, false};

static const struct match_row *for_reason(const struct match_row *row, uint32_t basic_reason)
{
    return row->item == MATCH_DIRECTION && basic_reason == VMX_EXIT_DR_ACCESS ? &dr_direction : row;
}

const struct match_row *match_row_of_name(const char *name, uint32_t basic_reason)
{
    for (unsigned i = 0; i < match_row_count; i++)
        if (strcmp(match_rows[i].name, name) == 0)
            return for_reason(&match_rows[i], basic_reason);
    return NULL;
}

const struct match_row *match_row_of_item(uint32_t item, uint32_t basic_reason)
{
    for (unsigned i = 0; i < match_row_count; i++)
        if (match_rows[i].item == item)
            return for_reason(&match_rows[i], basic_reason);
    return NULL;
}

bool match_item_exists(uint32_t item, uint32_t basic_reason)
{
    enum { REASONS = 4 };
    static const struct {
        uint8_t first, last; /* enum packed_derived */
        int16_t reason[REASONS];
    } parts[] = {
        {MATCH_PORT, MATCH_SIZE, {VMX_EXIT_IO_INSTRUCTION, -1, -1, -1}},
        {MATCH_DIRECTION, MATCH_DIRECTION, {VMX_EXIT_IO_INSTRUCTION, VMX_EXIT_DR_ACCESS, -1, -1}},
        {MATCH_STRING, MATCH_IMMEDIATE, {VMX_EXIT_IO_INSTRUCTION, -1, -1, -1}},
        {MATCH_CR, MATCH_CR_TYPE, {VMX_EXIT_CR_ACCESS, -1, -1, -1}},
        {MATCH_GPR, MATCH_GPR, {VMX_EXIT_CR_ACCESS, VMX_EXIT_DR_ACCESS, -1, -1}},
        {MATCH_DR, MATCH_DR, {VMX_EXIT_DR_ACCESS, -1, -1, -1}},
        {MATCH_VECTOR, MATCH_VECTOR, {VMX_EXIT_EXCEPTION_NMI, VMX_EXIT_EXTERNAL_INTERRUPT, VMX_EXIT_SIPI_SIGNAL, VMX_EXIT_EOI_INDUCED}},
        {MATCH_EVENT_TYPE, MATCH_ERROR_CODE, {VMX_EXIT_EXCEPTION_NMI, VMX_EXIT_EXTERNAL_INTERRUPT, -1, -1}},
        {MATCH_READ, MATCH_FETCH, {VMX_EXIT_EPT_VIOLATION, -1, -1, -1}},
        {MATCH_MSR, MATCH_MSR, {VMX_EXIT_MSR_READ, VMX_EXIT_MSR_WRITE, -1, -1}},
        {MATCH_SELECTOR, MATCH_SOURCE, {VMX_EXIT_TASK_SWITCH, -1, -1, -1}},
        {MATCH_OFFSET, MATCH_OFFSET, {VMX_EXIT_APIC_ACCESS, VMX_EXIT_APIC_WRITE, -1, -1}},
        {MATCH_ACCESS, MATCH_ACCESS, {VMX_EXIT_APIC_ACCESS, -1, -1, -1}},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (item < parts[i].first || item > parts[i].last)
            continue;
        for (unsigned k = 0; k < REASONS; k++)
            if (parts[i].reason[k] == (int16_t)basic_reason)
                return true;
        return false;
    }
    return true;
}

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
    return value >> low & ((UINT64_C(2) << (high - low)) - 1);
}

static uint64_t io_part(uint64_t q, enum packed_derived part)
{
    switch (part) {
    case MATCH_PORT:
        return bits(q, 31, 16);
    case MATCH_SIZE:
        return bits(q, 2, 0) + 1;
    case MATCH_DIRECTION:
        return bits(q, 3, 3);
    case MATCH_STRING:
        return bits(q, 4, 4);
    case MATCH_REP:
        return bits(q, 5, 5);
    case MATCH_IMMEDIATE:
        return bits(q, 6, 6);
    default:
        return 0;
    }
}

static uint64_t register_part(uint32_t reason, uint64_t q, enum packed_derived part)
{
    const bool cr = reason == VMX_EXIT_CR_ACCESS;
    switch (part) {
    case MATCH_CR:
        return cr ? bits(q, 3, 0) : 0;
    case MATCH_CR_TYPE:
        return cr ? bits(q, 5, 4) : 0;
    case MATCH_DR:
        return cr ? 0 : bits(q, 2, 0);
    case MATCH_DIRECTION:
        return cr ? 0 : bits(q, 4, 4);
    case MATCH_GPR:
        return bits(q, 11, 8);
    default:
        return 0;
    }
}

static uint64_t apic_part(uint32_t reason, uint64_t q, enum packed_derived part)
{
    if (part == MATCH_OFFSET)
        return bits(q, 11, 0);
    return part == MATCH_ACCESS && reason == VMX_EXIT_APIC_ACCESS ? bits(q, 15, 12) : 0;
}

static uint64_t qualification_part(uint32_t reason, uint64_t q, enum packed_derived part)
{
    switch (reason) {
    case VMX_EXIT_IO_INSTRUCTION:
        return io_part(q, part);
    case VMX_EXIT_CR_ACCESS:
    case VMX_EXIT_DR_ACCESS:
        return register_part(reason, q, part);
    case VMX_EXIT_EPT_VIOLATION:
        return part == MATCH_READ ? bits(q, 0, 0) : part == MATCH_WRITE ? bits(q, 1, 1) : part == MATCH_FETCH ? bits(q, 2, 2) : 0;
    case VMX_EXIT_TASK_SWITCH:
        return part == MATCH_SELECTOR ? bits(q, 15, 0) : part == MATCH_SOURCE ? bits(q, 31, 30) : 0;
    case VMX_EXIT_APIC_ACCESS:
    case VMX_EXIT_APIC_WRITE:
        return apic_part(reason, q, part);
    case VMX_EXIT_EOI_INDUCED:
    case VMX_EXIT_SIPI_SIGNAL:
        return part == MATCH_VECTOR ? bits(q, 7, 0) : 0;
    default:
        return 0;
    }
}

uint64_t match_item(const struct trace_record *exit, uint32_t item)
{
    const uint32_t reason = vmx_basic_reason((uint32_t)exit->item[TRACE_REASON]);
    if (item < TRACE_ITEM_COUNT)
        return exit->item[item];
    if (item >= MATCH_REGISTER)
        return exit->gpr[item % VMX_GPR_COUNT];
    switch ((enum packed_derived)item) {
    case MATCH_VECTOR:
        if (reason != VMX_EXIT_EXCEPTION_NMI && reason != VMX_EXIT_EXTERNAL_INTERRUPT)
            break;
        return bits(exit->item[TRACE_INTERRUPTION_INFO], 7, 0);
    case MATCH_EVENT_TYPE:
        return bits(exit->item[TRACE_INTERRUPTION_INFO], 10, 8);
    case MATCH_ERROR_CODE:
        return exit->item[TRACE_INTERRUPTION_ERROR];
    case MATCH_IDT_VECTOR:
        return bits(exit->item[TRACE_IDT_INFO], 7, 0);
    case MATCH_IDT_TYPE:
        return bits(exit->item[TRACE_IDT_INFO], 10, 8);
    case MATCH_MSR:
        return (uint32_t)exit->gpr[VMX_RCX];
    default:
        break;
    }
    return qualification_part(reason, exit->item[TRACE_QUALIFICATION], (enum packed_derived)item);
}
