# shellcheck shell=bash
# set_up ROOT run|test: makes ROOT/.venv with edgetl, for "test" also with what the tests need, in exactly the versions
# of tools/constraints.txt. A stamp file holds the hash of the pins and of pyproject.toml; where it matches, nothing is
# installed.

set_up() {
    local root=$1 purpose=$2 stamp="$1/.venv/.set-up-$2" expected extras=""
    expected=$(cat "$root/pyproject.toml" "$root/tools/constraints.txt" | sha256sum)
    if [[ -f $stamp && $(<"$stamp") == "$expected" ]]; then return; fi
    # Two first calls at the same time must not install over each other: the second waits, and then has nothing to do.
    exec 9>"$root/.venv.lock"
    flock 9
    if [[ -f $stamp && $(<"$stamp") == "$expected" ]]; then exec 9>&-; return; fi
    [[ $purpose == test ]] && extras="[test]"
    local python
    python=$(find_python "$root") || return 2
    echo "setting up $root/.venv with $("$python" --version): about two minutes and 3 GB, once" >&2
    rm -f "$root"/.venv/.set-up-*
    if ! "$root/.venv/bin/python" -c '' 2>/dev/null; then
        if ! "$python" -m venv --clear "$root/.venv" >&2; then
            echo "error: $python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2
            return 2
        fi
    fi
    "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$root/tools/constraints.txt" --editable "$root$extras" >&2
    echo "$expected" >"$root/.venv/.set-up-run"
    [[ $purpose == test ]] && echo "$expected" >"$stamp"
    exec 9>&-
}

# Prints the path of the Python to use: that of .venv, else $EDGETL_PYTHON, else the newest of 3.13, 3.12 and 3.11 that
# starts.
find_python() {
    local candidate
    for candidate in "$1/.venv/bin/python" ${EDGETL_PYTHON:+"$EDGETL_PYTHON"} python3.13 python3.12 python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "error: no Python 3.11, 3.12 or 3.13 on PATH; name one with EDGETL_PYTHON=/path/to/python3" >&2
    return 1
}
