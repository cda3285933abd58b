"""Bundle and device → Benchmark: the bundle is copied to the device, set up once and measured there.

The scripts below run on the device over OpenSSH. Only hexadecimal digests and numbers are formatted into them, so no
name needs quoting. Each script removes its unfinished files, so any of them can be run again.
"""

import io
import secrets
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from edgetl.core.device import benchmark, bundle_check, bundle_files, measurement
from edgetl.core.device.benchmark import Benchmark, BenchmarkRequest
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.records import Bundle
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file, read_json
from edgetl.engines.ssh import Completed, Connection, Device, Script, connect

_NO_PYTHON = 71  # Exit code of _PROBE.
_LIMIT_BYTES = 256 * 1024 * 1024
# A bundle on a device is in a folder that is named after the first digits of the SHA-256 of SHA256SUMS.
_DIGITS = 32

# Prints architecture, and whether the device has the bundle, unchanged. Unfinished files of a day ago and bundles that
# were not used for 30 days are removed; `touch` marks this bundle as used.
_PROBE = """command -v python3 >/dev/null || exit 71
find "$HOME/.cache/edgetl/bundles" -maxdepth 1 -name "*.tmp" -mtime +0 -exec rm -rf {{}} + 2>/dev/null
touch -c "$HOME/.cache/edgetl/bundles/{digest}"
find "$HOME/.cache/edgetl/bundles" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {{}} + 2>/dev/null
uname -m
cd "$HOME/.cache/edgetl/bundles/{digest}" 2>/dev/null &&
    test "$(sha256sum <SHA256SUMS | cut -c 1-{digits})" = {digest} &&
    sha256sum --check --status SHA256SUMS 2>/dev/null &&
    echo present || echo absent"""

# A folder appears under its own name only when it is complete and its checksums match. Photos have no checksums.
_RECEIVE = """set -eu
umask 077
mkdir -p "$HOME/.cache/edgetl/bundles"
cd "$HOME/.cache/edgetl/bundles"
trap "rm -rf {name}.part.tmp" EXIT
trap "exit 1" HUP INT TERM
rm -rf {name}.part.tmp
mkdir {name}.part.tmp
tar -xf - -C {name}.part.tmp
test ! -f {name}.part.tmp/SHA256SUMS || (cd {name}.part.tmp && sha256sum --check --quiet SHA256SUMS >&2)
rm -rf {name}
mv {name}.part.tmp {name}"""

# When the connection ends, so does standard input. Without the guard, pip would continue alone, and the next attempt
# would delete what it installs. setup.sh gets a process group of its own, because a shell acts on a signal only when
# pip has ended.
_SET_UP = """trap "" PIPE
exec 3<&0
setsid sh "$HOME/.cache/edgetl/bundles/{digest}/setup.sh" </dev/null &
setup=$!
(cat <&3 >/dev/null; kill -TERM -$setup) >/dev/null 2>&1 &
guard=$!
wait $setup
code=$?
kill $guard 2>/dev/null
exit $code"""

_REMOVE = 'rm -rf "$HOME/.cache/edgetl/bundles/{digest}"'

# When the connection ends, so does standard input. Without the guard, bench.py would continue alone to the end of its
# soak. PIPE is ignored because output after a lost connection must not end the script before it has cleaned up.
_MEASURE = """cd "$HOME/.cache/edgetl/bundles" || exit 1
trap "rm -rf {nonce}.measure.tmp {nonce}.photos.tmp" EXIT
trap "exit 1" HUP INT TERM
trap "" PIPE
exec 3<&0
{digest}/.venv/bin/python {digest}/bench.py --soak {soak_s:g} --out {nonce}.measure.tmp {photos} >/dev/null &
bench=$!
(cat <&3 >/dev/null; kill $bench 2>/dev/null) >/dev/null 2>&1 &
guard=$!
wait $bench
code=$?
kill $guard 2>/dev/null
test $code -gt 1 || tar -cf - -C {nonce}.measure.tmp measure.json measure.svg
exit $code"""


def deploy_bundle(work: Workspace, device: Device, bundle: Bundle, request: BenchmarkRequest) -> Benchmark:
    """Measure the bundle on the device; write measure.json, measure.svg and, where photos are scored, scores.npy.

    Raises:
        ConfigError: no connection, no python3, or a processor that the bundle is not made for.
        StageError: the bundle changed, a script failed on the device, the device does not compute what the build
            computed, or it did not send a measurement of this model.
    """
    bundle_check.check_record(bundle)
    say = work.console.say
    # The bundle's folder on the device is named after its content, so a changed bundle gets a new folder.
    digest = hash_file(bundle.root / bundle_files.CHECKSUMS)[:_DIGITS]
    # Two measurements on one device may run at the same time.
    nonce = secrets.token_hex(8)
    with connect(device, say) as connection:
        say("check the device")
        machine, has_bundle = _probe(connection, digest)
        _check_machine(device, bundle, machine)
        if not has_bundle:
            say(f"copy {bundle.bytes / 1e6:.1f} MB")
            files = ((bundle.root / name, name) for name in bundle.files)
            connection.run(Script(action="copying the bundle", text=_RECEIVE.format(name=digest)), _make_sender(files))
        say("set up")
        with work.console.wait(f"set up {device.name}"):
            _set_up(connection, bundle, digest)
        photos = ""
        if request.photos:
            say(f"copy {len(request.photos)} photos")
            _send_photos(connection, request, f"{nonce}.photos.tmp")
            photos = f"--photos {nonce}.photos.tmp"
        text = _MEASURE.format(digest=digest, nonce=nonce, soak_s=request.soak_s, photos=photos)
        script = Script(action="measuring", text=text, ok_codes=(0, 1), keep_stdin_open=True)
        with work.console.wait(f"measure on {device.name}"):
            completed = connection.run(script)
        _unpack(device, completed, work.folder)
    return benchmark.read_benchmark(device.name, request, work.folder)


def _probe(connection: Connection, digest: str) -> tuple[str, bool]:
    """Return the device's architecture, and whether it has the bundle."""
    name = connection.device.name
    script = Script(action="checking it", text=_PROBE.format(digest=digest, digits=_DIGITS), ok_codes=(0, _NO_PYTHON))
    completed = connection.run(script)
    if completed.exit_code == _NO_PYTHON:
        raise ConfigError(f"{name} has no python3", hint="on the device: sudo apt install python3 python3-venv")
    words = completed.stdout.decode(errors="replace").split()
    if len(words) != 2:
        raise StageError(f"{name} sent an unexpected reply: {' '.join(words)[:80]!r}")
    return words[0], words[1] == "present"


def _check_machine(device: Device, bundle: Bundle, machine: str) -> None:
    facts = read_json(bundle.root / "model.json", hint=f"remove {bundle.root} and build again")
    architectures = facts["runtime"]["architectures"]
    if machine not in architectures:
        raise ConfigError(
            f"{device.name} is {machine}, and the bundle for {bundle.target} runs on {' and '.join(architectures)}",
            hint="build for its target: see edgetl targets",
        )


def _set_up(connection: Connection, bundle: Bundle, digest: str) -> None:
    name = connection.device.name
    text = _SET_UP.format(digest=digest)
    script = Script(action="setting it up", text=text, ok_codes=(0, 1, 2), keep_stdin_open=True)
    completed = connection.run(script)
    # Exit codes of setup.sh: 1 the self-check failed, 2 the environment could not be made.
    if completed.exit_code == 2:
        raise ConfigError(f"{name} cannot be set up: {completed.last_line}")
    output = completed.stdout.decode(errors="replace") or completed.last_line
    try:
        bundle_check.require_closing_line(bundle, name, output, completed.exit_code)
    except StageError as error:
        # A file may have changed on the device: the next attempt copies all of them again.
        connection.run(Script(action="removing it", text=_REMOVE.format(digest=digest)))
        hint = "run it again: the bundle was removed from the device, and will be copied again"
        raise StageError(error.message, hint=hint) from error


def _send_photos(connection: Connection, request: BenchmarkRequest, name: str) -> None:
    with TemporaryDirectory(prefix="edgetl-") as folder:
        root = Path(folder)
        benchmark.link_photos(request, root)
        links = sorted(path for path in root.rglob("*") if path.is_symlink())
        send = _make_sender((link.resolve(), link.relative_to(root).as_posix()) for link in links)
        connection.run(Script(action="copying the photos", text=_RECEIVE.format(name=name)), send)


def _make_sender(files: Iterable[tuple[Path, str]]) -> Callable[[IO[bytes]], None]:
    """Return a function that writes files, each under its name, as a tar archive."""

    def send(stream: IO[bytes]) -> None:
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for path, name in files:
                archive.add(path, name)

    return send


def _unpack(device: Device, completed: Completed, folder: Path) -> None:
    """Write the two files that a device may send.

    They are read by name, because an archive from another machine may contain any path.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(completed.stdout)) as archive:
            for name in (measurement.NAME, "measure.svg"):
                member = archive.extractfile(name)
                if member is not None:
                    (folder / name).write_bytes(member.read(_LIMIT_BYTES))
    except (tarfile.TarError, KeyError) as error:
        raise StageError(f"{device.name}: bench.py wrote no measurement: {completed.last_line}") from error
