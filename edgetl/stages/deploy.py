"""A bundle and a device → a Benchmark: copied there, set up once, measured, its measure brought back. Over OpenSSH.

What runs on the device are the fixed scripts below. Nothing but hexadecimal digests and numbers is ever put into them,
and each leaves nothing half-done: what is not whole is thrown away there, and one may simply try again.
"""

import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from edgetl.core.device import benchmark as benchmark_file
from edgetl.core.device import bundle_files
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.records import Benchmark, Bundle
from edgetl.engines.ssh import Connection, Device, connect

__all__ = ["Device", "deploy"]

_NO_PYTHON = 71
_LIMIT_BYTES = 256 * 1024 * 1024

_PROBE = """command -v python3 >/dev/null || exit 71
find "$HOME/.cache/edgetl/bundles" -maxdepth 1 -name "*.tmp" -mtime +0 -exec rm -rf {{}} + 2>/dev/null
touch -c "$HOME/.cache/edgetl/bundles/{digest}"
find "$HOME/.cache/edgetl/bundles" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {{}} + 2>/dev/null
uname -m
test -f "$HOME/.cache/edgetl/bundles/{digest}/SHA256SUMS" && echo there || echo absent"""

_TAKE = """set -eu
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

# When the connection ends, standard input does. Without the guard pip would go on alone, and the next attempt would
# remove from under it what it installs. It is a group of its own: a shell acts on a signal only when pip has ended.
_SET_UP = """trap "" PIPE
exec 3<&0
setsid sh "$HOME/.cache/edgetl/bundles/{digest}/setup.sh" </dev/null &
setup=$!
(cat <&3 >/dev/null; kill -TERM -$setup) >/dev/null 2>&1 &
guard=$!
wait $setup
ended=$?
kill $guard 2>/dev/null
exit $ended"""

_FORGET = 'rm -rf "$HOME/.cache/edgetl/bundles/{digest}"'

# When the connection ends, standard input does; without the guard bench.py would go on alone to the end of its soak.
# PIPE: whatever is still said when nobody listens any more must not end the script before it has cleaned up.
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
ended=$?
kill $guard 2>/dev/null
test $ended -gt 1 || tar -cf - -C {nonce}.measure.tmp measure.json measure.svg
exit $ended"""


def deploy(
    device: Device, bundle: Bundle, wanted: BenchmarkRequest, folder: Path, *, said: Callable[[str], None]
) -> Benchmark:
    """Measure the bundle on the device.

    Args:
        device: where.
        bundle: whose model is `wanted`.
        wanted: what is measured.
        folder: takes measure.json, measure.svg and, where photos were scored, scores.npy.
        said: told what is being done.

    Raises:
        ConfigError: no connection, no python3, or a processor that the bundle is not made for.
        StageError: something broke off there, or came back that is no measure.
    """
    digest = hashlib.sha256((bundle.root / bundle_files.CHECKSUMS).read_bytes()).hexdigest()[:32]
    nonce = secrets.token_hex(8)
    with connect(device, said) as line:
        said("look at the device")
        machine, there = _probe(line, digest)
        _check_machine(device, bundle, machine)
        if there != "there":
            said(f"copy {bundle.bytes / 1e6:.1f} MB")
            line.run("copying the bundle", _TAKE.format(name=digest), _tar((bundle.root / n, n) for n in bundle.files))
        said("set up")
        _set_up(line, digest)
        photos = ""
        if wanted.photos:
            said(f"copy {len(wanted.photos)} photos")
            _send_photos(line, wanted, f"{nonce}.photos.tmp")
            photos = f"--photos {nonce}.photos.tmp"
        script = _MEASURE.format(digest=digest, nonce=nonce, soak_s=wanted.soak_s, photos=photos)
        content = line.run("measuring", script, hold=True, fine=(0, 1))
        try:
            _unpack(content, folder)
        except (tarfile.TarError, KeyError) as error:
            raise StageError(f"{device.name}: bench.py left no measure: {line.told()}") from error
    return benchmark_file.read_benchmark(device.name, wanted, folder)


def _probe(line: Connection, digest: str) -> tuple[str, str]:
    """The device's architecture, and "there" where it has the bundle."""
    answer = (
        line.run("looking at it", _PROBE.format(digest=digest), fine=(0, _NO_PYTHON)).decode(errors="replace").split()
    )
    if line.ended == _NO_PYTHON:
        hint = "on it: sudo apt install python3 python3-venv"
        raise ConfigError(f"{line.device.name} has no python3", hint=hint)
    if len(answer) != 2:
        raise StageError(f"{line.device.name} answered with something unexpected: {' '.join(answer)[:80]!r}")
    return answer[0], answer[1]


def _check_machine(device: Device, bundle: Bundle, machine: str) -> None:
    runs_on = json.loads((bundle.root / "model.json").read_text(encoding="utf-8"))["runtime"]["architectures"]
    if machine not in runs_on:
        raise ConfigError(
            f"{device.name} is {machine}, and the bundle for {bundle.target} runs on {' and '.join(runs_on)}",
            hint="build for its target: see edgetl targets",
        )


def _set_up(line: Connection, digest: str) -> None:
    shown = line.run("setting it up", _SET_UP.format(digest=digest), hold=True, fine=(0, 1, 2))
    if line.ended == 1:
        # A file may have changed there: the next attempt copies them all again.
        told = line.told()
        failed = [row.strip() for row in shown.decode(errors="replace").splitlines() if "FAIL" in row]
        line.run("removing it", _FORGET.format(digest=digest))
        raise StageError(
            f"{line.device.name} does not give what the build gave: {'; '.join(failed) or told}",
            hint="run it again: the bundle was removed there, and is copied anew",
        )
    if line.ended == 2:
        raise ConfigError(f"{line.device.name} cannot be set up: {line.told()}")


def _send_photos(line: Connection, wanted: BenchmarkRequest, name: str) -> None:
    with TemporaryDirectory(prefix="edgetl-") as laid_out:
        root = Path(laid_out)
        benchmark_file.link_photos(wanted, root)
        links = sorted(path for path in root.rglob("*") if path.is_symlink())
        send = _tar((link.resolve(), link.relative_to(root).as_posix()) for link in links)
        line.run("copying the photos", _TAKE.format(name=name), send)


def _tar(files: Iterable[tuple[Path, str]]) -> Callable[[IO[bytes]], None]:
    """A function that writes files, each under its name, as a tar archive."""

    def send(stream: IO[bytes]) -> None:
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for path, name in files:
                archive.add(path, name)

    return send


def _unpack(content: bytes, folder: Path) -> None:
    """Write the two files that a device may send, and nothing else that its archive names."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for name in (benchmark_file.NAME, "measure.svg"):
            member = archive.extractfile(name)
            if member is not None:
                (folder / name).write_bytes(member.read(_LIMIT_BYTES))
