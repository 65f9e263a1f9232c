#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# twice.sh VMXBENCH SCRIPT: the scenarios of a script pass, and a second run gives the same trace byte for byte.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" run --trace "$folder/first" "$2"
"$1" run -q --trace "$folder/second" "$2"
cmp "$folder/first" "$folder/second"
