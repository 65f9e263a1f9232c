/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions as text, by Capstone. */
#include "disassemble.h"

#include <stdio.h>

#include <capstone/capstone.h>

bool sim_disassemble(const uint8_t *bytes, size_t size, unsigned bits, uint64_t address, char *out, size_t out_size)
{
    csh handle;
    cs_insn *instruction;
    const cs_mode mode = bits == 16 ? CS_MODE_16 : bits == 32 ? CS_MODE_32 : CS_MODE_64;
    if (cs_open(CS_ARCH_X86, mode, &handle) != CS_ERR_OK)
        return false;
    const size_t count = cs_disasm(handle, bytes, size, address, 1, &instruction);
    if (count != 0) {
        snprintf(out, out_size, "%s%s%s", instruction->mnemonic, instruction->op_str[0] != '\0' ? " " : "", instruction->op_str);
        cs_free(instruction, count);
    }
    cs_close(&handle);
    return count != 0;
}
