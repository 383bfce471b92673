# Shared by the scripts that pack parts of the guest inside the chroot; whoever runs them puts this before them.
# They choose the staging folder, `stage`.
# shellcheck shell=bash disable=SC2154

kernel=/srv/guest/kernel

# copy_libraries FILE: the libraries that a program or library needs, to the same place.
copy_libraries() {
  local library
  for library in $(ldd "$1" 2>/dev/null | grep -oE '/[^ )]+'); do
    mkdir -p "$stage$(dirname "$library")"
    cp -Ln "$library" "$stage$library"
  done
}

# copy_modules KERNEL_VERSION MODULE...: kernel modules and those they need, for modprobe. Uncompressed, see pack-initramfs.sh.
copy_modules() {
  local version=$1 source=$kernel/usr/lib/modules/$1 target=$stage/lib/modules/$1 module files file copy
  shift
  [ -d "$source" ] || source=$kernel/lib/modules/$version
  mkdir -p "$kernel/lib/modules" "$target"
  [ -e "$kernel/lib/modules/$version" ] || ln -s "$source" "$kernel/lib/modules/$version"
  [ -e "$kernel/lib/modules/$version/modules.dep" ] || depmod -b "$kernel" "$version"
  for module in "$@"; do
    files=$(modprobe -d "$kernel" -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }') ||
      { echo "the kernel package has no module $module"; exit 1; }
    for file in $files; do
      copy=$target/kernel/${file##*/kernel/}
      mkdir -p "$(dirname "$copy")"
      case $file in
        *.xz) xz -dc "$file" >"${copy%.xz}" ;;
        *.zst) zstd -dcq "$file" >"${copy%.zst}" ;;
        *) cp "$file" "$copy" ;;
      esac
    done
  done
  cp "$source"/modules.{builtin,builtin.modinfo,order} "$target/"
  depmod -b "$stage" "$version"
}
