#!/usr/bin/env bash
# Step: the few packages the host itself needs, installed only when missing. The rest comes from the chroot.
# On failure: check that `apt-get update` works on this machine, or install the packages named above by hand.
set -euo pipefail
missing=()
for package in debootstrap debian-archive-keyring util-linux; do
  dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "nothing to install"
  exit 0
fi
echo "installing ${missing[*]}"
apt-get install -y --no-install-recommends "${missing[@]}" || {
  apt-get update
  apt-get install -y --no-install-recommends "${missing[@]}"
}
