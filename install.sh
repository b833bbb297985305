#!/bin/sh
# Installs layerstash for the user who runs it, after its checksum was verified. Never needs root.
#
#   curl -fsSL https://github.com/layerstash/layerstash/releases/latest/download/install.sh | sh
#   sh install.sh --uninstall
#
# LAYERSTASH_VERSION       the version, such as 1.2.3 (default: the latest)
# LAYERSTASH_INSTALL_DIR   where the program goes (default: ~/.local/bin)
# LAYERSTASH_RELEASES      a mirror of the releases (https only, but for this machine)
set -eu

fail() {
  printf 'layerstash: cannot install: %s\n' "$1" >&2
  exit 1
}

# The names that the releases have for systems and processors.
target() {
  case $(uname -m) in
    x86_64 | amd64) cpu=x86_64 ;;
    aarch64 | arm64) cpu=aarch64 ;;
    *) fail "there is no program for the processor $(uname -m): it runs with Deno, see the README" ;;
  esac
  case $(uname -s) in
    Linux)
      if ldd --version 2>&1 | grep -qi musl; then
        fail "the program needs glibc, and this system has musl: it runs with Deno, see the README"
      fi
      echo "$cpu-unknown-linux-gnu" ;;
    Darwin)
      # A shell that Rosetta translates is told that it runs on an Intel processor.
      if [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then cpu=aarch64; fi
      echo "$cpu-apple-darwin" ;;
    MINGW* | MSYS* | CYGWIN*) fail "this is Windows: use install.ps1 in PowerShell" ;;
    *) fail "there is no program for $(uname -s): it runs with Deno, see the README" ;;
  esac
}

# Everything goes over https. A server on this machine may speak http: nobody else can hear it.
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
    # wget cannot be told to follow https only; the checksums of a release still have to match.
    wget -q -t 2 -O "$2" "$1" 2>"$work/complaint" || no_download "$1"
  else
    fail "it needs curl or wget"
  fi
}

no_download() {
  fail "could not download $1 $(tail -n 1 "$work/complaint")"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"
  elif command -v shasum >/dev/null; then shasum -a 256 "$1"
  elif command -v openssl >/dev/null; then openssl dgst -sha256 -r "$1"
  else fail "it needs sha256sum, shasum or openssl, to verify what it downloads"
  fi | cut -d ' ' -f 1
}

# The lines of SHA256SUMS are DIGEST, two spaces, NAME; the name has the version.
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
    *) fail "the release $wanted says that it is $version" ;;
  esac
}

# Within one directory a rename is atomic: there is the old program, or the new one.
put() {
  mkdir -p "$directory" 2>/dev/null || fail "$directory cannot be made: set LAYERSTASH_INSTALL_DIR to another"
  [ ! -d "$directory/layerstash" ] || fail "$directory/layerstash is a directory"
  staged=$directory/.layerstash-$$
  cp "$1" "$staged" 2>/dev/null || fail "$directory cannot be written: set LAYERSTASH_INSTALL_DIR to another"
  chmod 755 "$staged"
  mv -f "$staged" "$directory/layerstash" 2>/dev/null || fail "$directory/layerstash cannot be replaced"
}

tell_path() {
  case ":$PATH:" in
    *":$directory:"*) ;;
    *) printf 'It is not on your PATH yet. Add this line to your ~/.profile:\n  export PATH="%s:%s"\n' "$directory" "\$PATH" ;;
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
    fail "$asset has the checksum $actual, and should have $expected: nothing was installed"
  fi
  put "$work/$asset"
  printf 'layerstash %s is installed: %s\n' "$version" "$directory/layerstash"
  tell_path
}

uninstall_program() {
  [ -e "$directory/layerstash" ] || fail "there is no $directory/layerstash to remove"
  rm -f "$directory/layerstash" 2>/dev/null || fail "$directory/layerstash cannot be removed"
  printf 'layerstash is removed: %s\n' "$directory/layerstash"
}

main() {
  directory=${LAYERSTASH_INSTALL_DIR:-${HOME:?}/.local/bin}
  case ${1:-} in
    '') install_program ;;
    --uninstall) uninstall_program ;;
    *) fail "there is no option $1, only --uninstall" ;;
  esac
}

# Last, so that half a script does nothing.
main "$@"
