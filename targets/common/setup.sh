#!/bin/sh
# Sets this bundle up: sh setup.sh. Makes .venv beside it, installs what requirements.txt says for this processor and
# this Python, and ends with selfcheck.py. What is there already is kept; what breaks off leaves nothing half-installed.
#
# sh setup.sh --demo installs what demo.py needs as well, where the bundle has one, and lets it see the system's packages:
# picamera2 comes from there. Later calls without --demo keep that.
#
# PYTHON names another python3. pip's own settings hold, so wheels from a folder are installed with
# PIP_NO_INDEX=1 PIP_FIND_LINKS=folder. Exit code 0 set up and proved, 1 the self-check failed, 2 it could not be set up.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$here/.venv
stamp=$venv/set-up
python=${PYTHON:-python3}
more=$here/requirements-demo.txt

stop() {
    echo "$1" >&2
    exit 2
}

# Only a set-up that came to its end has the stamp; without it everything is made anew.
undo() {
    if ! [ -f "$stamp" ]; then rm -rf "$venv"; fi
}

case "$#${1:-}" in
0) demo= ;;
1--demo)
    demo=yes
    [ -f "$more" ] || stop "this bundle has no demo: bundles for 64-bit Raspberry Pi boards have one"
    ;;
*) stop "usage: sh setup.sh [--demo]" ;;
esac

command -v "$python" >/dev/null 2>&1 ||
    stop "$python is not installed: on Raspberry Pi OS and Debian, sudo apt install python3 python3-venv"
"$python" "$here/fits.py"

found=$(cat "$stamp" 2>/dev/null || true)
wanted="$(cksum <"$here/requirements.txt") $("$python" --version)"
if [ -f "$more" ]; then
    # Whoever had the demo keeps it, whatever else has changed since.
    case $found in *", demo: "*) demo=yes ;; esac
    if [ -n "$demo" ]; then wanted="$wanted, demo: $(cksum <"$more")"; fi
fi
if [ "$found" != "$wanted" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    rm -rf "$venv"
    trap undo EXIT
    trap 'exit 130' INT TERM HUP
    "$python" -m venv "$venv" ${demo:+--system-site-packages} ||
        stop "$python cannot make a virtual environment: on Raspberry Pi OS and Debian, sudo apt install python3-venv"
    # Wheels alone: building numpy or a runtime from source takes a small board hours and then fails.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        --requirement "$here/requirements.txt" ${demo:+--requirement "$more"} ||
        stop "the packages could not be installed: see above; nothing is left half-installed, so it can be repeated"
    echo "$wanted" >"$stamp"
fi
exec "$venv/bin/python" "$here/selfcheck.py"
