/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes and comparisons as JSON. */
#include "advice_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_change(cJSON *to, const struct sim_override *change)
{
    char text[OVERRIDE_NAME];
    override_name(change, text);
    cJSON_AddStringToObject(to, "change", text);
    override_line(change, text);
    cJSON_AddStringToObject(to, "line", text);
    if (strcmp(change->word, SIM_OVERRIDE_AFFINITY) == 0) {
        cJSON_AddNumberToObject(to, "vector", change->key);
        cJSON_AddNumberToObject(to, "physical_cpu", change->number);
        return;
    }
    if (strcmp(change->word, SIM_OVERRIDE_PIN) == 0) {
        cJSON_AddNumberToObject(to, "vcpu", change->key);
        cJSON_AddNumberToObject(to, "physical_cpu", change->number);
        return;
    }
    snprintf(text, sizeof text, "%s.%s", change->word, change->control);
    cJSON_AddStringToObject(to, "control", text);
    cJSON_AddNumberToObject(to, "value", change->value);
}

void json_move(cJSON *to, const struct move *move)
{
    char text[OVERRIDE_NAME];
    if (move->also == MOVE_ALONE) {
        json_change(to, &move->change);
    } else {
        move_name(move, text);
        cJSON_AddStringToObject(to, "change", text);
    }
    cJSON_AddStringToObject(to, "reason", vmx_reason_name(move->reason));
    cJSON_AddStringToObject(to, "why", move->why);
    cJSON_AddStringToObject(to, "price", move->price);
    cJSON_AddBoolToObject(to, "careful", move->careful);
}

static void add_row(cJSON *rows, const char *name, const char *text, double number, uint64_t exits, uint64_t ticks)
{
    if (exits == 0)
        return;
    cJSON *const row = cJSON_CreateObject();
    if (text != NULL)
        cJSON_AddStringToObject(row, name, text);
    else
        cJSON_AddNumberToObject(row, name, number);
    cJSON_AddNumberToObject(row, "exits", (double)exits);
    cJSON_AddNumberToObject(row, "time_ns", (double)ticks);
    cJSON_AddItemToArray(rows, row);
}

cJSON *json_tally(const struct whatif_tally *tally)
{
    cJSON *const root = cJSON_CreateObject(), *const reasons = cJSON_CreateArray(), *const cpus = cJSON_CreateArray();
    cJSON_AddNumberToObject(root, "exits", (double)tally->all_exits);
    cJSON_AddNumberToObject(root, "time_ns", (double)tally->all_ticks);
    cJSON_AddNumberToObject(root, "run_ns", (double)tally->end_ticks);
    for (uint32_t row = 0; row <= VMX_REASON_LIMIT; row++)
        add_row(reasons, "reason", row == VMX_REASON_LIMIT ? "(VM entry failed)" : vmx_reason_name(row), 0, tally->exits[row], tally->ticks[row]);
    for (unsigned cpu = 0; cpu < TRACE_VCPUS; cpu++)
        add_row(cpus, "physical_cpu", NULL, cpu, tally->cpu_exits[cpu], tally->cpu_ticks[cpu]);
    cJSON_AddItemToObject(root, "by_reason", reasons);
    cJSON_AddItemToObject(root, "by_physical_cpu", cpus);
    return root;
}

void json_print(cJSON *root)
{
    char *const text = cJSON_Print(root);
    if (text == NULL)
        abort();
    puts(text);
    free(text);
    cJSON_Delete(root);
}
