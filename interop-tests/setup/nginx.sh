#!/usr/bin/env bash
# Debian's nginx in the chroot, where no service starts; a test runs it with a configuration of its own.
# Needs setup.sh to have run. Prints where it is, as the chroot sees it.
set -euo pipefail
# shellcheck source=interop-tests/setup/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lock_cache
root_tool nginx nginx
printf 'nginx=%s\n' "$(in_root sh -c 'command -v nginx')"
