/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the statistics by physical CPU: as tables, for spreadsheets, as JSON. */
#include "stats_cpus_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "advice_json.h"

static double percent(uint64_t part, uint64_t whole)
{
    return whole != 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void print_vectors(const struct stats_cpus *stats)
{
    printf("\n%9s %5s", "Interrupt", "VCPU");
    for (unsigned cpu = 0; cpu < stats->cpus; cpu++) {
        char name[16];
        snprintf(name, sizeof name, "PCPU %u", cpu);
        printf(" %10s", name);
    }
    printf(" %10s\n", "waiting");
    for (unsigned i = 0; i < stats->vectors; i++) {
        printf("%#9x %5u", stats->vector[i].vector, stats->vector[i].vcpu);
        for (unsigned cpu = 0; cpu < stats->cpus; cpu++)
            printf(" %10" PRIu64, stats->vector[i].taken[cpu]);
        printf(" %10" PRIu64 "\n", stats->vector[i].merged);
    }
}

static void print_sources(const struct stats_cpus *stats)
{
    printf("\n%9s %10s %10s\n", "Source", "Interrupts", "merged");
    for (unsigned i = 0; i < stats->sources; i++)
        printf("%#9x %10" PRIu64 " %10" PRIu64 "\n", stats->source[i].vector, stats->source[i].interrupts, stats->source[i].merged);
}

void stats_cpus_table(const struct stats_cpus *stats)
{
    printf("\n%6s %10s %9s %14s %9s %10s %10s %10s\n\n", "PCPU", "Samples", "Samples%", "Time", "Time%", "Ext. exits", "Interrupts", "of others");
    for (unsigned i = 0; i < stats->cpus; i++) {
        const struct stats_cpu *cpu = &stats->cpu[i];
        printf("%6u %10" PRIu64 " %8.2f%% %12.2fus %8.2f%% %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n", i, cpu->exits,
               percent(cpu->exits, stats->exits), (double)cpu->ticks / 1000, percent(cpu->ticks, stats->ticks), cpu->external, cpu->interrupts,
               cpu->foreign);
    }
    if (stats->vectors != 0)
        print_vectors(stats);
    if (stats->sources != 0)
        print_sources(stats);
    printf("\nTotal Samples:%" PRIu64 ", Total events handled time:%.2fus, Total interrupts:%" PRIu64 ".\n\n", stats->exits,
           (double)stats->ticks / 1000, stats->interrupts);
}

void stats_cpus_csv(const struct stats_cpus *stats)
{
    puts("pcpu,samples,samples_percent,time_ns,time_percent,external_interrupt,interrupts,interrupts_of_others");
    for (unsigned i = 0; i < stats->cpus; i++) {
        const struct stats_cpu *cpu = &stats->cpu[i];
        printf("%u,%" PRIu64 ",%.2f,%" PRIu64 ",%.2f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", i, cpu->exits, percent(cpu->exits, stats->exits),
               cpu->ticks, percent(cpu->ticks, stats->ticks), cpu->external, cpu->interrupts, cpu->foreign);
    }
    puts("\nvector,vcpu,pcpu,interrupts");
    for (unsigned i = 0; i < stats->vectors; i++)
        for (unsigned cpu = 0; cpu < stats->cpus; cpu++)
            if (stats->vector[i].taken[cpu] != 0)
                printf("0x%x,%u,%u,%" PRIu64 "\n", stats->vector[i].vector, stats->vector[i].vcpu, cpu, stats->vector[i].taken[cpu]);
    puts("\nsource,interrupts,merged");
    for (unsigned i = 0; i < stats->sources; i++)
        printf("0x%x,%" PRIu64 ",%" PRIu64 "\n", stats->source[i].vector, stats->source[i].interrupts, stats->source[i].merged);
}

static cJSON *cpus_array(const struct stats_cpus *stats)
{
    cJSON *const array = cJSON_CreateArray();
    for (unsigned i = 0; i < stats->cpus; i++) {
        const struct stats_cpu *cpu = &stats->cpu[i];
        cJSON *const object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "physical_cpu", i);
        cJSON_AddNumberToObject(object, "samples", (double)cpu->exits);
        cJSON_AddNumberToObject(object, "time_ns", (double)cpu->ticks);
        cJSON_AddNumberToObject(object, "external_interrupt", (double)cpu->external);
        cJSON_AddNumberToObject(object, "interrupts", (double)cpu->interrupts);
        cJSON_AddNumberToObject(object, "interrupts_of_others", (double)cpu->foreign);
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

static cJSON *interrupts_array(const struct stats_cpus *stats)
{
    cJSON *const array = cJSON_CreateArray();
    for (unsigned i = 0; i < stats->vectors; i++)
        for (unsigned cpu = 0; cpu < stats->cpus; cpu++) {
            if (stats->vector[i].taken[cpu] == 0)
                continue;
            cJSON *const object = cJSON_CreateObject();
            cJSON_AddNumberToObject(object, "vector", stats->vector[i].vector);
            cJSON_AddNumberToObject(object, "vcpu", stats->vector[i].vcpu);
            cJSON_AddNumberToObject(object, "physical_cpu", cpu);
            cJSON_AddNumberToObject(object, "interrupts", (double)stats->vector[i].taken[cpu]);
            cJSON_AddItemToArray(array, object);
        }
    return array;
}

static cJSON *sources_array(const struct stats_cpus *stats)
{
    cJSON *const array = cJSON_CreateArray();
    for (unsigned i = 0; i < stats->sources; i++) {
        cJSON *const object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "vector", stats->source[i].vector);
        cJSON_AddNumberToObject(object, "interrupts", (double)stats->source[i].interrupts);
        cJSON_AddNumberToObject(object, "merged", (double)stats->source[i].merged);
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

void stats_cpus_json(const struct stats_cpus *stats)
{
    cJSON *const root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "total_samples", (double)stats->exits);
    cJSON_AddNumberToObject(root, "total_time_ns", (double)stats->ticks);
    cJSON_AddNumberToObject(root, "total_interrupts", (double)stats->interrupts);
    cJSON_AddItemToObject(root, "physical_cpus", cpus_array(stats));
    cJSON_AddItemToObject(root, "interrupts", interrupts_array(stats));
    cJSON_AddItemToObject(root, "sources", sources_array(stats));
    json_print(root);
}
