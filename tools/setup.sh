# shellcheck shell=bash
# set_up ROOT run|test: a .venv in ROOT with edgetl in it (and what tests need), exactly as tools/constraints.txt pins it.
# What is there already is left alone: a stamp says for which pins and which project file it was made.

set_up() {
    local root=$1 what=$2 stamp="$1/.venv/.set-up-$2" wanted extras=""
    wanted=$(cat "$root/pyproject.toml" "$root/tools/constraints.txt" | sha256sum)
    if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then return; fi
    # Two first calls at once must not install over each other: the second waits and finds it done.
    exec 9>"$root/.venv.lock"
    flock 9
    if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then exec 9>&-; return; fi
    [[ $what == test ]] && extras="[test]"
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
    echo "$wanted" >"$root/.venv/.set-up-run"
    [[ $what == test ]] && echo "$wanted" >"$stamp"
    exec 9>&-
}

# The Python that .venv has, else $EDGETL_PYTHON, else the newest of 3.13, 3.12, 3.11 that really starts.
find_python() {
    local candidate
    for candidate in "$1/.venv/bin/python" ${EDGETL_PYTHON:+"$EDGETL_PYTHON"} python3.13 python3.12 python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "error: Python 3.11, 3.12 or 3.13 is needed and none was found; name one with EDGETL_PYTHON=/path/to/python3" >&2
    return 1
}
