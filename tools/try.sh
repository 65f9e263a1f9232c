#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what is missing, builds, replays the shipped scenarios, boots SeaBIOS as a guest, and shows its exits as a table and a graph. Safe to repeat.
set -euo pipefail
case "${1:-}" in
-h | --help) echo "usage: tools/try.sh    installs what is missing, builds in build/ (or \$VMXBENCH_BUILD), replays the shipped scenarios, draws a graph"; exit 0 ;;
"") ;;
*) echo "tools/try.sh takes no argument; --help tells more" >&2; exit 2 ;;
esac
# shellcheck source=tools/setup.sh
. "$(dirname "$0")/setup.sh"
set_up

say "Replaying the shipped scenarios"
"$build/vmxbench" run -j "$(nproc)" "$top/scenarios/exits" "$top/scenarios/rules" "$top/scenarios/entry" >"$build/scenarios.txt" ||
  { tail -n 30 "$build/scenarios.txt"; say "a scenario failed; all verdicts are in $build/scenarios.txt"; exit 1; }
tail -n 1 "$build/scenarios.txt"

say "Booting SeaBIOS, which nobody here wrote, as a real-mode guest from the reset vector"
"$build/vmxbench" run --trace "$build/seabios.trace" "$top/scenarios/workloads/seabios.lua"
"$build/vmxbench" stat "$build/seabios.trace"
"$build/vmxbench" graph "$build/seabios.trace" -o "$build/seabios.svg"
say "The exit graph of that boot: $build/seabios.svg"
say "Next: write a scenario of your own (scenarios/README.md), or look an exit up: $build/vmxbench reasons CR_ACCESS"
