#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetches a Debian kernel into build/guests; nothing is installed. Safe to repeat. Without an option the cloud kernel, which scenarios/workloads/linux.lua boots
# (27 MBytes). It is no kernel for Xen's domain 0, since it was built without CONFIG_XEN_DOM0: there it takes itself for a guest that is not privileged, whose
# console hvc0 is a ring in memory that nobody empties, so that all ends where the early console (earlyprintk=xen) does. --dom0 fetches one that is (71 MBytes).
set -euo pipefail
package=linux-image-cloud-amd64 name=vmlinuz
case "${1:-}" in
-h | --help)
  echo "usage: tools/fetch_linux.sh [--dom0]    fetches Debian's linux-image-cloud kernel into build/guests/vmlinuz (or \$VMXBENCH_BUILD/guests);"
  echo "                                        --dom0: its linux-image kernel, which can be Xen's domain 0, into build/guests/vmlinuz-dom0"
  exit 0
  ;;
--dom0) package=linux-image-amd64 name=vmlinuz-dom0 ;;
"") ;;
*) echo "tools/fetch_linux.sh takes --dom0 or no argument; --help tells more" >&2; exit 2 ;;
esac
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
guests=${VMXBENCH_BUILD:-$top/build}/guests
[ ! -e "$guests/$name" ] || { echo "$guests/$name is there"; exit 0; }
latest=$(apt-cache depends "$package" | awk '$1 == "Depends:" { print $2; exit }')
[ -n "$latest" ] || { echo "apt-cache knows no package $package"; exit 1; }
mkdir -p "$guests/download"
(cd "$guests/download" && rm -f "${latest}"_*.deb && apt-get download -q "$latest") >"$guests/linux.log" 2>&1 ||
  { tail -n 5 "$guests/linux.log"; echo "cannot fetch the package $latest (apt-get download $latest)"; exit 1; }
dpkg-deb --fsys-tarfile "$guests"/download/"${latest}"_*.deb | tar -x -C "$guests/download" ./boot
mv "$guests"/download/boot/vmlinuz-* "$guests/$name"
rm -rf "$guests/download/boot" "$guests"/download/"${latest}"_*.deb
echo "$guests/$name: $latest"
