/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bootable image and the ROM loader as bytes of the command. */
.macro embed symbol, file
.globl \symbol, \symbol\()_end
\symbol:
        .incbin "\file"
\symbol\()_end:
        .byte 0
.endm

.section .rodata
.align 16
embed bochs_kernel, BOCHS_KERNEL
.align 16
embed bochs_rom, BOCHS_ROM

.section .note.GNU-stack, "", @progbits
