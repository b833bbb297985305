#!/bin/sh
# Verifies the checksum of layerstash and installs it for the user who runs this. Never needs root.
#
#   curl -fsSL https://github.com/layerstash/layerstash/releases/latest/download/install.sh | sh
#   sh install.sh --uninstall
#
# LAYERSTASH_VERSION       the version, such as 1.2.3 (default: the latest)
# LAYERSTASH_INSTALL_DIR   the directory for the program (default: ~/.local/bin)
# LAYERSTASH_RELEASES      a mirror of the releases (https only, except on this machine)
set -eu

fail() {
  printf 'layerstash: cannot install: %s\n' "$1" >&2
  exit 1
}

# Prints the name that the releases use for this system and processor.
target() {
  case $(uname -m) in
    x86_64 | amd64) cpu=x86_64 ;;
    aarch64 | arm64) cpu=aarch64 ;;
    *) fail "there is no program for the processor $(uname -m): run it with Deno, see the README" ;;
  esac
  case $(uname -s) in
    Linux)
      if ldd --version 2>&1 | grep -qi musl; then
        fail "the program needs glibc, and this system has musl: run it with Deno, see the README"
      fi
      echo "$cpu-unknown-linux-gnu" ;;
    Darwin)
      # A shell under Rosetta sees an Intel processor.
      if [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then cpu=aarch64; fi
      echo "$cpu-apple-darwin" ;;
    MINGW* | MSYS* | CYGWIN*) fail "this is Windows: use install.ps1 in PowerShell" ;;
    *) fail "there is no program for $(uname -s): run it with Deno, see the README" ;;
  esac
}

# Downloads use https. A server on this machine may use http, because nobody else can listen.
check_releases() {
  case $1 in
    http://*@*) fail "$1 is not an https address" ;;
    https://*) protocols='=https' ;;
    http://127.0.0.1:* | http://localhost:*) protocols='=http' ;;
    *) fail "$1 is not an https address" ;;
  esac
}

# download URL FILE
download() {
  if command -v curl >/dev/null; then
    curl -fsSL --proto "$protocols" --retry 2 -o "$2" "$1" 2>"$work/complaint" || no_download "$1"
  elif command -v wget >/dev/null; then
    # wget has no option to follow https only. The checksums must match all the same.
    wget -q -t 2 -O "$2" "$1" 2>"$work/complaint" || no_download "$1"
  else
    fail "curl or wget is needed"
  fi
}

no_download() {
  fail "could not download $1 $(tail -n 1 "$work/complaint")"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"
  elif command -v shasum >/dev/null; then shasum -a 256 "$1"
  elif command -v openssl >/dev/null; then openssl dgst -sha256 -r "$1"
  else fail "sha256sum, shasum or openssl is needed to verify the download"
  fi | cut -d ' ' -f 1
}

# Finds the program in SHA256SUMS, whose lines are DIGEST, two spaces, NAME. The name contains the version.
find_asset() {
  line=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]\(layerstash-[0-9][0-9A-Za-z.+-]*-$1\)\$/\1 \2/p" "$work/SHA256SUMS" |
    head -n 1)
  [ -n "$line" ] || fail "the release has no program for $1"
  expected=${line%% *}
  asset=${line#* }
  version=${asset#layerstash-}
  version=${version%"-$1"}
  case $wanted in
    latest | "$version" | "v$version") ;;
    *) fail "the release $wanted contains version $version" ;;
  esac
}

# Puts the program in place. A rename within one directory is atomic: there is always the old program or the new one.
put() {
  mkdir -p "$directory" 2>/dev/null || fail "cannot create $directory: set LAYERSTASH_INSTALL_DIR to another directory"
  [ ! -d "$directory/layerstash" ] || fail "$directory/layerstash is a directory"
  staged=$directory/.layerstash-$$
  cp "$1" "$staged" 2>/dev/null || fail "cannot write to $directory: set LAYERSTASH_INSTALL_DIR to another directory"
  chmod 755 "$staged"
  mv -f "$staged" "$directory/layerstash" 2>/dev/null || fail "cannot replace $directory/layerstash"
}

tell_path() {
  case ":$PATH:" in
    *":$directory:"*) ;;
    *) printf 'Its directory is not on your PATH yet. Add this line to your ~/.profile:\n  export PATH="%s:%s"\n' "$directory" "\$PATH" ;;
  esac
}

install_program() {
  releases=${LAYERSTASH_RELEASES:-https://github.com/layerstash/layerstash/releases}
  check_releases "$releases"
  target=$(target)
  staged=
  work=$(mktemp -d)
  trap 'rm -rf "$work"; if [ -n "$staged" ]; then rm -f "$staged"; fi' EXIT
  trap 'exit 130' INT TERM HUP
  wanted=${LAYERSTASH_VERSION:-latest}
  if [ "$wanted" = latest ]; then
    download "$releases/latest/download/SHA256SUMS" "$work/SHA256SUMS"
  else
    download "$releases/download/v${wanted#v}/SHA256SUMS" "$work/SHA256SUMS"
  fi
  find_asset "$target"
  download "$releases/download/v$version/$asset" "$work/$asset"
  actual=$(sha256 "$work/$asset")
  if [ "$actual" != "$expected" ]; then
    fail "the checksum of $asset is $actual, but should be $expected: nothing was installed"
  fi
  put "$work/$asset"
  printf 'layerstash %s is installed: %s\n' "$version" "$directory/layerstash"
  tell_path
}

uninstall_program() {
  [ -e "$directory/layerstash" ] || fail "there is no $directory/layerstash to remove"
  rm -f "$directory/layerstash" 2>/dev/null || fail "cannot remove $directory/layerstash"
  printf 'layerstash was removed: %s\n' "$directory/layerstash"
}

main() {
  directory=${LAYERSTASH_INSTALL_DIR:-${HOME:?}/.local/bin}
  case ${1:-} in
    '') install_program ;;
    --uninstall) uninstall_program ;;
    *) fail "there is no option $1; the only one is --uninstall" ;;
  esac
}

# This is the last line, so that a script that was cut off does nothing. In braces, it is not run without its end.
{ main "$@"; }
