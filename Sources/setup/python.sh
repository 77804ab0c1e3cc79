# Part of setup.sh: the virtual environment for experts in Python, in $home/python. Made anew where it is missing, does
# not run, or was made from other sources; says and changes nothing where all is there.

python_sources="$here/../python"

# What the environment is made from: the package's files and this one.
python_stamp() {
    (cd "$python_sources" && find . -type f \( -name '*.py' -o -name '*.pyi' -o -name '*.toml' \) -print0 | sort -z |
        xargs -0 sha256sum -- ../setup/python.sh | sha256sum | cut -d ' ' -f 1)
}

pip_into_python() {
    local log="$home/.python.log"
    if ! python3 -m pip --python "$home/python/bin/python" --disable-pip-version-check install --quiet "$@" \
        >"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "pip could not install into $home/python: $* (its last lines are above)" "$python_hint"
    fi
    rm -f "$log"
}
python_hint="needed are Python 3.10 and pip 22.3 or newer, and once the package index that pip is set up for"

check_python() {
    local stamp python="$home/python" copy
    stamp="$(python_stamp)"
    [ "$(cat "$python/.made-from" 2>/dev/null)" != "$stamp" ] || ! "$python/bin/python" -c '' 2>/dev/null || return 0
    # Two setups at once must not make the same folder; the one that waited finds it made.
    if [ -z "${python_lock:-}" ] && command -v flock >/dev/null; then
        exec {python_lock}>"$home/.python.lock"
        flock "$python_lock"
        check_python
        return
    fi
    check_pip
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "experts in Python need Python 3.10 or newer, found $(python3 --version)"
    say "making $python for experts in Python"
    # Another requirement or another Python: from nothing. Other sources alone: only they are installed again.
    if ! "$python/bin/python" -c 'import cv2, google.protobuf, numpy, setuptools, zmq' 2>/dev/null; then
        rm -rf -- "$python"
        # Debian's Python brings no pip for new environments; the one that is there installs into them as well.
        python3 -m venv --without-pip "$python" || fail "python3 could not make a virtual environment in $python"
        pip_into_python 'setuptools>=64' wheel
    fi
    # A copy: pip builds in the folder that it is given.
    copy="$(mktemp -d "$home/.incoming.XXXXXX")"
    cp -R "$python_sources/." "$copy/"
    rm -f "$python/.made-from"
    pip_into_python --no-build-isolation "$copy[detector]"
    rm -rf -- "$copy"
    printf '%s\n' "$stamp" >"$python/.made-from"
}
