#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what is missing, builds, and passes every test. Safe to repeat.
set -euo pipefail
case "${1:-}" in
-h | --help) echo "usage: tools/test.sh    installs what is missing, builds in build/ (or \$VMXBENCH_BUILD), runs every test"; exit 0 ;;
"") ;;
*) echo "tools/test.sh takes no argument; --help tells more" >&2; exit 2 ;;
esac
# shellcheck source=tools/setup.sh
. "$(dirname "$0")/setup.sh"
set_up
say "Running the tests (details: $build/Testing/Temporary/LastTest.log)"
"$top/tools/coverage.sh" --total
cd "$build" && exec ctest -j "$(nproc)" --output-on-failure --no-tests=error
