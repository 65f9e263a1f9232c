/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the steps of a case. */
#include "tests/vmx-model/check_cases.h"

#include <string.h>

static void change_member(struct valid_machine *m, const struct step *s)
{
    uint8_t *const member = (uint8_t *)m + s->target;
    uint64_t value = 0;
    memcpy(&value, member, s->size);
    if (s->kind == STEP_MEMBER_SET)
        value = s->value;
    else if (s->kind == STEP_MEMBER_OR)
        value |= s->value;
    else
        value &= ~s->value;
    memcpy(member, &value, s->size);
}

void take_steps(struct valid_machine *m, const struct step *steps)
{
    for (const struct step *s = steps; s < steps + CASE_STEPS && s->kind != STEP_END; s++) {
        const enum vmcs_field field = (enum vmcs_field)s->target;
        switch (s->kind) {
        case STEP_FIELD_SET:
            vmcs_set(&m->vmcs, field, s->value);
            break;
        case STEP_FIELD_OR:
            vmcs_set(&m->vmcs, field, vmcs_get(&m->vmcs, field) | s->value);
            break;
        case STEP_FIELD_CLEAR:
            vmcs_set(&m->vmcs, field, vmcs_get(&m->vmcs, field) & ~s->value);
            break;
        case STEP_MEMBER_SET:
        case STEP_MEMBER_OR:
        case STEP_MEMBER_CLEAR:
            change_member(m, s);
            break;
        case STEP_MEMORY:
            memcpy(m->memory + s->target, &s->value, sizeof s->value);
            break;
        case STEP_END:
            break;
        }
    }
}
