#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# workload.sh VMXBENCH SCRIPT: as twice.sh; exit status 77, "skipped", where the guest that the script names has not been fetched.
set -eu
guest=$(sed -n 's|.*"\.\./\.\./\(build/guests/[^"]*\)".*|\1|p' "$2")
[ -n "$guest" ] || { echo "$2 names no guest below build/guests"; exit 1; }
[ -e "$(dirname "$2")/../../$guest" ] || { echo "$guest is not there: tools/setup.sh fetches it"; exit 77; }
exec "$(dirname "$0")/twice.sh" "$@"
