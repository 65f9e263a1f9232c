/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands of vmxbench. argv[0] is the name of the subcommand. Each returns the exit status of the program: 0 all as expected,
   1 an expectation failed, 2 bad usage or input. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

int cmd_advise(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_boot(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_checks(int argc, char **argv);
int cmd_controls(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_fields(int argc, char **argv);
int cmd_graph(int argc, char **argv);
int cmd_limits(int argc, char **argv);
int cmd_reasons(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_tune(int argc, char **argv);
int cmd_whatif(int argc, char **argv);

#endif
