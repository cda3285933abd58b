#!/bin/sh
# Sets this bundle up: sh setup.sh. Creates the virtual environment .venv beside this file, installs the packages of
# requirements.txt for this processor and this Python, and runs selfcheck.py. A complete .venv is kept; an interrupted
# installation is removed.
#
# sh setup.sh --demo also installs what demo.py needs, in bundles that contain it, and gives .venv access to the
# packages of the system, because picamera2 is one of them. Later calls without --demo keep these.
#
# PYTHON names another python3. The settings of pip apply: PIP_NO_INDEX=1 PIP_FIND_LINKS=folder installs wheels from a
# folder. Exit code 0: set up and checked, 1: the self-check failed, 2: the bundle cannot be set up.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$here/.venv
stamp=$venv/set-up
python=${PYTHON:-python3}
demo_requirements=$here/requirements-demo.txt

stop() {
    echo "$1" >&2
    exit 2
}

# The stamp is written last. Without it the installation was interrupted, and the environment is unusable.
remove_unfinished() {
    if ! [ -f "$stamp" ]; then rm -rf "$venv"; fi
}

case "$#${1:-}" in
0) demo= ;;
1--demo)
    demo=yes
    [ -f "$demo_requirements" ] || stop "this bundle has no demo: bundles for 64-bit Raspberry Pi boards have one"
    ;;
*) stop "usage: sh setup.sh [--demo]" ;;
esac

command -v "$python" >/dev/null 2>&1 ||
    stop "$python is not installed: on Raspberry Pi OS and Debian, sudo apt install python3 python3-venv"
"$python" "$here/check_python.py"

# The stamp contains what .venv was made from: another requirements.txt or another Python needs a new .venv.
installed=$(cat "$stamp" 2>/dev/null || true)
required="$(cksum <"$here/requirements.txt") $("$python" --version)"
if [ -f "$demo_requirements" ]; then
    # Once installed, the demo is kept, also where .venv is made again for another reason.
    case $installed in *", demo: "*) demo=yes ;; esac
    if [ -n "$demo" ]; then required="$required, demo: $(cksum <"$demo_requirements")"; fi
fi
if [ "$installed" != "$required" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    rm -rf "$venv"
    trap remove_unfinished EXIT
    trap 'exit 130' INT TERM HUP
    "$python" -m venv "$venv" ${demo:+--system-site-packages} ||
        stop "$python cannot create a virtual environment: on Raspberry Pi OS and Debian, sudo apt install python3-venv"
    # Wheels only: a small board needs hours to build numpy or a runtime from source, and usually fails.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        --requirement "$here/requirements.txt" ${demo:+--requirement "$demo_requirements"} ||
        stop "the packages could not be installed, see above: .venv was removed, run sh setup.sh again"
    echo "$required" >"$stamp"
fi
exec "$venv/bin/python" "$here/selfcheck.py"
