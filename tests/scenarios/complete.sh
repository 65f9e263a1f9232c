#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# complete.sh FOLDER NAME...: every script under the folder is among the names that are tested.
set -eu
folder=$1
shift
status=0
for script in $(cd "$folder" && find . -name '*.lua' | sed 's|^\./||; s|\.lua$||' | sort); do
    case " $* " in
    *" $script "*) ;;
    *)
        echo "$script.lua is not in tests/scenarios/CMakeLists.txt"
        status=1
        ;;
    esac
done
exit $status
