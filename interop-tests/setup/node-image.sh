#!/usr/bin/env bash
# Makes an image with Node, this repository's built packages and the programs of src/in-guest, for guests to mount
# (guest/lib.sh): node-image.sh [FILE_OR_FOLDER...]. The arguments are more of the host to take along; programs come with
# their libraries. Needs setup.sh and the build (npm run setup) to have run; prints the image's path inside the chroot.
# The name holds the hash of the contents, so it is made again after a build, and clones share one cache.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=interop-tests/setup/lib.sh
. "$here/lib.sh"

repository=$(cd "$here/../.." && pwd)
programs=$here/../src/in-guest
node=$(readlink -f "$(command -v node)")
more=("$@")
packages=("$repository"/packages/*/package.json)
packages=("${packages[@]%/package.json}")
[ -e "$repository/packages/cli/dist/index.js" ] || die "the packages are not built: npm run setup"
for file in "${more[@]}"; do [ -e "$file" ] || die "there is no $file to take into the image"; done

hash_contents() {
  node --version
  printf '%s\n' "${more[@]}"
  cat "$here"/node-image.sh "$here"/node-tree.mjs "$repository/pnpm-lock.yaml" "$programs"/*
  find "${packages[@]}" -path '*/node_modules' -prune -o \
    \( -path '*/dist/*.js' -o -path '*/bundle/*.js' -o -path '*/bin/*' -o -name package.json \) -type f -print0 | sort -z | xargs -0 sha256sum
  [ ${#more[@]} -eq 0 ] || find "${more[@]}" -type f -print0 | sort -z | xargs -0 sha256sum
}

# Copies a file or folder to the same place in the image, and the libraries that programs and libraries in it need.
take() {
  local file library
  mkdir -p "$stage$(dirname "$1")"
  cp -aL "$1" "$stage$(dirname "$1")/"
  find -L "$1" -type f \( -perm /111 -o -name '*.so*' \) | while read -r file; do
    for library in $(ldd "$file" 2>/dev/null | grep -oE '/[^ )]+'); do
      mkdir -p "$stage$(dirname "$library")"
      cp -Ln "$library" "$stage$library"
    done
  done
}

lock_cache
key=$(hash_contents | sha256sum | cut -c1-16)
image=$GUEST/node-$key.squashfs
if [ ! -e "$image" ]; then
  root_tool mksquashfs squashfs-tools
  say "packing Node and the packages ..."
  started=$SECONDS
  find "$GUEST" -name 'node-*.squashfs*' -mmin +60 -delete
  stage=$(mktemp -d "$ROOT/tmp/node-image.XXXXXX")
  trap 'rm -rf "$stage"' EXIT
  chmod 755 "$stage"
  mkdir -p "$stage"/{app,dev,proc,sys,tmp,usr/bin}
  take "$node"
  [ "$node" = /usr/bin/node ] || ln -s "$node" "$stage/usr/bin/node"
  for file in "${more[@]}"; do take "$file"; done
  node "$here/node-tree.mjs" "$stage/app/node_modules" "${packages[@]}"
  node "$repository/node_modules/typescript/bin/tsc" -p "$programs" --outDir "$stage/app"
  echo '{ "type": "module" }' >"$stage/app/package.json"
  in_root mksquashfs "${stage#"$ROOT"}" "${image#"$ROOT"}.new" \
    -comp lz4 -all-root -noappend -no-progress -quiet >/dev/null
  mv "$image.new" "$image"
  say "packed in $((SECONDS - started)) s"
fi
touch "$image"
printf 'image=%s\n' "${image#"$ROOT"}"
