/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unicorn's internal functions that the engine calls. Those that it replaces are declared where the replacement stands: the linker
   option --wrap (sim/CMakeLists.txt) sends the library's calls of X to __wrap_X and leaves the original as __real_X. */
#ifndef SIM_UNICORN_INTERNALS_H
#define SIM_UNICORN_INTERNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "unicorn_layout.h"

uint64_t cpu_cc_compute_all_x86_64(struct unicorn_env *env, int operation);
struct unicorn_temp;
int cpu_exec_x86_64(void *uc, void *cpu);
_Noreturn void cpu_loop_exit_x86_64(void *cpu);
void tcg_func_start_x86_64(void *tcg_context);
struct unicorn_op *tcg_op_insert_before_x86_64(void *tcg_context, struct unicorn_op *op, int opcode);
struct unicorn_temp *tcg_temp_new_internal_x86_64(void *tcg, int type, bool local);
void tb_flush_x86_64(void *cpu);
void tb_invalidate_phys_range_x86_64(void *uc, uint64_t start, uint64_t end);
void tlb_flush_x86_64(void *cpu);
void tb_flush_jmp_cache_x86_64(void *cpu, uint64_t address);
void tlb_flush_page_by_mmuidx_x86_64(void *cpu, uint64_t address, uint16_t modes);
void tlb_set_page_with_attrs_x86_64(void *cpu, uint64_t linear, uint64_t physical, uint32_t attributes, int rights, int mode, uint64_t size);
uint32_t cpu_ldub_code_x86_64(struct unicorn_env *env, uint64_t address);
uint32_t cpu_ldub_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, int mode, uintptr_t return_address);
uint32_t cpu_lduw_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, int mode, uintptr_t return_address);
uint64_t cpu_ldq_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, int mode, uintptr_t return_address);
void cpu_stb_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, uint32_t value, int mode, uintptr_t return_address);
void cpu_stw_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, uint32_t value, int mode, uintptr_t return_address);
void cpu_stl_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, uint32_t value, int mode, uintptr_t return_address);
void *probe_access_x86_64(struct unicorn_env *env, uint64_t address, int size, int access, int mode, uintptr_t return_address);
uint32_t cpu_ldub_data_ra_x86_64(struct unicorn_env *env, uint64_t address, uintptr_t return_address);
uint32_t cpu_lduw_data_ra_x86_64(struct unicorn_env *env, uint64_t address, uintptr_t return_address);
uint32_t cpu_ldl_data_ra_x86_64(struct unicorn_env *env, uint64_t address, uintptr_t return_address);
uint64_t cpu_ldq_data_ra_x86_64(struct unicorn_env *env, uint64_t address, uintptr_t return_address);
void cpu_stw_data_ra_x86_64(struct unicorn_env *env, uint64_t address, uint32_t value, uintptr_t return_address);
void cpu_stl_data_ra_x86_64(struct unicorn_env *env, uint64_t address, uint32_t value, uintptr_t return_address);
void cpu_stq_data_ra_x86_64(struct unicorn_env *env, uint64_t address, uint64_t value, uintptr_t return_address);
uint32_t cpu_ldl_mmuidx_ra_x86_64(struct unicorn_env *env, uint64_t address, int mode, uintptr_t return_address);

static inline void *unicorn_cpu_of(struct unicorn_env *env)
{
    return (char *)env - UNICORN_CPU_ENV;
}

#endif
