/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The help of a command, broken to the columns of a terminal. */
#ifndef TOOLS_USAGE_H
#define TOOLS_USAGE_H

/* On standard output. Lines that begin with a letter make up paragraphs; in a line that begins with two blanks ("  --key WORD   what it does") the text after
   the next two blanks is broken under itself, and so are the lines after it that begin with more blanks. */
void usage_print(const char *usage);

#endif
