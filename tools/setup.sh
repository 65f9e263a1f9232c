#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by try.sh and test.sh: installs what is missing, fetches the guest images, configures and builds into build/.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${VMXBENCH_BUILD:-$top/build}

packages="gcc libc6-dev make cmake libunicorn-dev libcapstone-dev libcunit1-dev liblua5.4-dev libcjson-dev zlib1g-dev nasm graphviz bochs bochs-term"
guest_packages="seabios memtest86+ xen-hypervisor-4.17-amd64"

say() { printf '%s\n' "$*"; }
# Runs a command with its output in a log that is shown when it fails.
quietly() {
  local log=$1; shift
  "$@" >"$log" 2>&1 || { tail -n 40 "$log"; say "failed: $* (the whole log: $log)"; exit 1; }
}

install_packages() {
  local package missing=""
  for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    say "Debian packages are missing; install them as root, then run this again:"
    say "  apt-get install$missing"
    exit 2
  fi
  say "Installing:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  if ! apt-get install -y -q --no-install-recommends $missing >"$build/install.log" 2>&1; then
    quietly "$build/install.log" apt-get update -q
    # shellcheck disable=SC2086
    quietly "$build/install.log" apt-get install -y -q --no-install-recommends $missing
  fi
}

# Guests that the workloads run are unpacked below the build folder and never installed.
fetch_guests() {
  local package
  for package in $guest_packages; do
    [ -e "$build/guests/.$package" ] && continue
    say "Fetching the guest image of Debian's package $package"
    mkdir -p "$build/guests/download"
    (cd "$build/guests/download" && rm -f "${package}"_*.deb &&
      { apt-get download -q "$package" || { [ "$(id -u)" = 0 ] && apt-get update -q && apt-get download -q "$package"; }; }) >"$build/guests/$package.log" 2>&1 ||
      { tail -n 5 "$build/guests/$package.log"; say "cannot fetch the package $package (apt-get download $package)"; exit 1; }
    dpkg-deb -x "$build"/guests/download/"${package}"_*.deb "$build/guests"
    touch "$build/guests/.$package"
  done
}

build_all() {
  [ -e "$build/Makefile" ] || { say "Configuring in $build"; quietly "$build/configure.log" cmake -S "$top" -B "$build" -G "Unix Makefiles" -DCMAKE_BUILD_TYPE=Release; }
  say "Building in $build"
  quietly "$build/build.log" cmake --build "$build" -j "$(nproc)"
}

set_up() {
  mkdir -p "$build"
  install_packages
  fetch_guests
  build_all
}
