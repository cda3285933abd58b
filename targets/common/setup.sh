#!/bin/sh
# Sets this bundle up: sh setup.sh. Creates the virtual environment .venv beside this file, installs the packages of
# requirements.txt for this processor and this Python, and runs selfcheck.py. A complete .venv is kept; an interrupted
# installation is removed.
#
# sh setup.sh --demo also installs what demo.py needs, in bundles that contain it, and gives .venv access to the
# packages of the system, because picamera2 is one of them. Later calls without --demo keep these.
# sh setup.sh --check installs nothing: it verifies the files and runs selfcheck.py.
#
# PYTHON names another python3. The settings of pip apply: PIP_NO_INDEX=1 PIP_FIND_LINKS=folder installs wheels from a
# folder. Exit code 0: set up and checked, 1: a file changed or the self-check failed, 2: it cannot be set up.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$here/.venv
stamp=$venv/set-up
python=${PYTHON:-python3}
demo_requirements=$here/requirements-demo.txt

stop() {
    echo "$1" >&2
    exit "${2:-2}"
}

# Compares a program with SHA256SUMS before it runs: it could not detect that it was cut off, and does nothing then.
verify_program() {
    for name in SHA256SUMS "$1"; do
        if [ -L "$here/$name" ] || ! [ -f "$here/$name" ]; then stop "$name: missing, or not a file: copy the bundle again" 1; fi
    done
    line=$(grep "^[0-9a-f]*  $1\$" "$here/SHA256SUMS") && (cd "$here" && echo "$line" | sha256sum -c >/dev/null 2>&1) ||
        stop "$1: not the file that SHA256SUMS lists: copy the bundle again" 1
}

# Runs a program that checks the bundle; its last line must be that of a complete check of exactly this bundle. The line
# is computed here, because the exit code of a program that was cut off is 0.
run_check() {
    closing="$1 ($(($(wc -l <"$here/SHA256SUMS") - 1)) files, bundle $(sha256sum <"$here/SHA256SUMS" | cut -c 1-12))."
    shift
    report=$("$@") && code=0 || code=$?
    if [ -n "$report" ]; then printf '%s\n' "$report"; fi
    [ "$code" -eq 0 ] || exit 1
    [ "$(printf '%s\n' "$report" | tail -n 1)" = "$closing" ] ||
        stop "the last line of the check is not \"$closing\": copy the bundle again" 1
}

# The stamp is written last. Without it the installation was interrupted, and the environment is unusable.
remove_unfinished() {
    if ! [ -f "$stamp" ]; then rm -rf "$venv"; fi
}

check=
demo=
case "$#${1:-}" in
0) ;;
1--check) check=yes ;;
1--demo)
    demo=yes
    [ -f "$demo_requirements" ] || stop "this bundle has no demo: bundles for 64-bit Raspberry Pi boards have one"
    ;;
*) stop "usage: sh setup.sh [--demo | --check]" ;;
esac

command -v "$python" >/dev/null 2>&1 ||
    stop "$python is not installed: on Raspberry Pi OS and Debian, sudo apt install python3 python3-venv"
# Nothing of the bundle runs before its files are verified. -I and -S: modules come from the standard library, not from
# this folder, and no bytecode is read from it.
verify_program check_python.py
verify_program check_files.py
"$python" -I -S -B "$here/check_python.py"
files=$(run_check "All files are unchanged" "$python" -I -S -B "$here/check_files.py") || {
    echo "$files"
    exit 1
}

# The stamp contains what .venv was made from: another requirements.txt or another Python needs a new .venv.
installed=$(cat "$stamp" 2>/dev/null || true)
required="$(cksum <"$here/requirements.txt") $("$python" --version)"
if [ -f "$demo_requirements" ]; then
    # Once installed, the demo is kept, also where .venv is made again for another reason.
    case $installed in *", demo: "*) demo=yes ;; esac
    if [ -n "$demo" ]; then required="$required, demo: $(cksum <"$demo_requirements")"; fi
fi
if [ -n "$check" ]; then
    [ "$installed" = "$required" ] || stop "there is no .venv for this bundle: run sh setup.sh"
elif [ "$installed" != "$required" ] || ! "$venv/bin/python" -I -c '' 2>/dev/null; then
    rm -rf "$venv"
    trap remove_unfinished EXIT
    trap 'exit 130' INT TERM HUP
    "$python" -I -m venv "$venv" ${demo:+--system-site-packages} ||
        stop "$python cannot create a virtual environment: on Raspberry Pi OS and Debian, sudo apt install python3-venv"
    # Wheels only: a small board needs hours to build numpy or a runtime from source, and usually fails.
    "$venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        --requirement "$here/requirements.txt" ${demo:+--requirement "$demo_requirements"} ||
        stop "the packages could not be installed, see above: .venv was removed, run sh setup.sh again"
    echo "$required" >"$stamp"
fi
run_check "This device computes what the build computed" "$venv/bin/python" -B "$here/selfcheck.py"
