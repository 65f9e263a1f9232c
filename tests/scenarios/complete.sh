#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# complete.sh FOLDER NAME...: every script under the folder is among the names that are tested. Workloads need guests of other people's
# making, which are not on every machine, and have tests of their own.
set -eu
folder=$1
shift
status=0
for script in $(cd "$folder" && find . -path ./workloads -prune -o -name '*.lua' -print | sed 's|^\./||; s|\.lua$||' | sort); do
    case " $* " in
    *" $script "*) ;;
    *)
        echo "$script.lua is not in tests/scenarios/CMakeLists.txt"
        status=1
        ;;
    esac
done
exit $status
