#!/usr/bin/env bash
# Makes a folder with `root`, Debian's Python and msgpack for s390x, and `emulator`, QEMU's for programs of that machine:
# python-s390x.sh KEYRING FOLDER. Nothing is installed: packages are downloaded and unpacked beside the folder, which is
# renamed when whole. Downloads survive a cut-off run.
set -euo pipefail
keyring=$1 folder=$2
# shellcheck source=interop-tests/setup/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

suite=bookworm # the oldest release whose Python will do
partial=$VFIO_USER_CACHE/partial-s390x
apt=$VFIO_USER_CACHE/apt-s390x # a package manager of its own, for that architecture and with nothing installed
rm -rf "$partial"
mkdir -p "$partial/root" "$apt"/{lists/partial,archives/partial,emulator}

echo "deb [signed-by=$keyring] $(debian_mirror) $suite main" >"$apt/sources.list"
: >"$apt/status"
cat >"$apt/apt.conf" <<CONF
APT::Architecture "s390x";
APT::Architectures { "s390x"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
CONF
s390x_apt() { APT_CONFIG=$apt/apt.conf apt-get "$@"; }

s390x_apt update
s390x_apt install -y --download-only python3-msgpack
for package in "$apt"/archives/*.deb; do dpkg-deb -x "$package" "$partial/root"; done

# The emulator alone, out of a package with one for every machine.
cd "$apt/emulator"
download_emulator() { apt-get download -o APT::Sandbox::User=root -o Acquire::Retries=3 qemu-user-static; }
download_emulator || { apt-get update && download_emulator; }
dpkg-deb --fsys-tarfile ./*.deb | tar -x -O ./usr/bin/qemu-s390x-static >"$partial/emulator"
chmod +x "$partial/emulator"

"$partial/emulator" -L "$partial/root" "$partial/root/usr/bin/python3" -c 'import msgpack, sys; print(sys.version, sys.byteorder)'
mv "$partial" "$folder"
rm -rf "$apt"
