#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# bindings.sh VMXBENCH SCRIPT: what binding each interrupt to the physical CPU of its virtual CPU, and pinning a virtual CPU elsewhere, does to the exits of
# workloads/interrupts.lua: the counts of README.md, with the same work done and every expectation met.
set -eu
counts() {
  json=$("$vmxbench" whatif --json "$@" "$script" | tr -d '\t\n "')
}
wants() {
  # shellcheck disable=SC2254
  case $json in $1) ;; *) printf 'wanted %s\nof     %s\n' "$1" "$json"; exit 1 ;; esac
}
vmxbench=$1 script=$2
counts --affinity 0x41=1,0x42=1,0x51=2,0x61=1,0x62=2,0x63=3
wants '*same_work:true,*before:{exits:1853,*EXTERNAL_INTERRUPT,exits:970,*physical_cpu:0,exits:940,*after:{exits:1015,*'
wants '*after:{exits:1015,*EXTERNAL_INTERRUPT,exits:132,*physical_cpu:0,exits:31,*scenarios_passed:1,scenarios_lost:0*'
counts --pin 2=3
wants '*same_work:true,*before:{exits:1854,*physical_cpu:2,exits:151,*after:{exits:1854,*physical_cpu:1,exits:731,*physical_cpu:3,exits:182,*'
