#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# check_symbols.sh LIBRARY: fails when a static library needs more than itself and what a freestanding compiler may call.
# _GLOBAL_OFFSET_TABLE_ comes from the linker: position-independent code may name it.
set -eu
needed=$(mktemp) defined=$(mktemp)
trap 'rm -f "$needed" "$defined"' EXIT
nm -P -g "$1" 2>/dev/null | awk 'NF >= 2 && $2 == "U" { print $1 }' | sort -u >"$needed"
nm -P -g "$1" 2>/dev/null | awk 'NF >= 2 && $2 != "U" { print $1 }' | sort -u >"$defined"
[ -s "$defined" ] || { echo "$1 defines nothing"; exit 1; }
foreign=$(comm -23 "$needed" "$defined" | grep -vxE 'memcpy|memmove|memset|memcmp|_GLOBAL_OFFSET_TABLE_' || true)
[ -z "$foreign" ] || { echo "$1 needs:"; echo "$foreign"; exit 1; }
