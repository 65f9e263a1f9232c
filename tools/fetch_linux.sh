#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetches the kernel that scenarios/workloads/linux.lua boots, 27 MBytes, into build/guests/vmlinuz; nothing is installed. Safe to repeat.
set -euo pipefail
case "${1:-}" in
-h | --help) echo "usage: tools/fetch_linux.sh    fetches Debian's linux-image-cloud kernel into build/guests (or \$VMXBENCH_BUILD/guests)"; exit 0 ;;
"") ;;
*) echo "tools/fetch_linux.sh takes no argument; --help tells more" >&2; exit 2 ;;
esac
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
guests=${VMXBENCH_BUILD:-$top/build}/guests
[ ! -e "$guests/vmlinuz" ] || { echo "$guests/vmlinuz is there"; exit 0; }
package=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
[ -n "$package" ] || { echo "apt-cache knows no package linux-image-cloud-amd64"; exit 1; }
mkdir -p "$guests/download"
(cd "$guests/download" && rm -f "${package}"_*.deb && apt-get download -q "$package") >"$guests/linux.log" 2>&1 ||
  { tail -n 5 "$guests/linux.log"; echo "cannot fetch the package $package (apt-get download $package)"; exit 1; }
dpkg-deb --fsys-tarfile "$guests"/download/"${package}"_*.deb | tar -x -C "$guests/download" ./boot
mv "$guests"/download/boot/vmlinuz-* "$guests/vmlinuz"
rm -rf "$guests/download/boot" "$guests"/download/"${package}"_*.deb
echo "$guests/vmlinuz: $package"
