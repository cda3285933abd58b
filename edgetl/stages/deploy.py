"""A bundle and a device → a Benchmark: copied there, set up once, measured, its measure brought back. Over OpenSSH.

The user's own ssh does the talking, with their configuration, agent and known_hosts; how host keys are checked is
theirs to say. What runs on the device are the fixed scripts below; nothing but hexadecimal digests and numbers is ever
put into them, and each leaves nothing half-done: what is not whole is thrown away there, and one may simply try again.
"""

import hashlib
import io
import json
import re
import secrets
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from edgetl.core import bundles, measures
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.measures import Wanted
from edgetl.core.records import Benchmark, Bundle

_NO_PYTHON = 71
_LOST = 255  # How ssh itself ends where there is no connection, or no longer one.
_LIMIT_BYTES = 256 * 1024 * 1024
_DEVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:%/\[\]-]*")

_PROBE = """command -v python3 >/dev/null || exit 71
find "$HOME/.cache/edgetl" -maxdepth 1 -name "*.tmp" -mtime +0 -exec rm -rf {{}} + 2>/dev/null
uname -m
test -f "$HOME/.cache/edgetl/{digest}/SHA256SUMS" && echo there || echo absent"""

_TAKE = """set -eu
umask 077
mkdir -p "$HOME/.cache/edgetl"
cd "$HOME/.cache/edgetl"
trap "rm -rf {name}.part.tmp" EXIT
trap "exit 1" HUP INT TERM
rm -rf {name}.part.tmp
mkdir {name}.part.tmp
tar -xf - -C {name}.part.tmp
test ! -f {name}.part.tmp/SHA256SUMS || (cd {name}.part.tmp && sha256sum --check --quiet SHA256SUMS >&2)
rm -rf {name}
mv {name}.part.tmp {name}"""

_SET_UP = 'sh "$HOME/.cache/edgetl/{digest}/setup.sh" </dev/null'

_FORGET = 'rm -rf "$HOME/.cache/edgetl/{digest}"'

# When the connection ends, standard input does; without this bench.py would go on alone to the end of its soak.
_MEASURE = """cd "$HOME/.cache/edgetl" || exit 1
trap "rm -rf {nonce}.measure.tmp {nonce}.photos.tmp" EXIT
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A device as ssh knows it. `alone` lets ssh ask for a password; `stop` makes every connection end."""

    name: str
    alone: bool
    stop: threading.Event

    def __post_init__(self) -> None:
        if _DEVICE.fullmatch(self.name) is None:
            raise ConfigError(
                f"{self.name!r} is no device for ssh", hint="user@host, or a Host of your ssh configuration"
            )


def deploy(device: Device, bundle: Bundle, wanted: Wanted, folder: Path, *, said: Callable[[str], None]) -> Benchmark:
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
    digest = hashlib.sha256((bundle.root / bundles.SUMS).read_bytes()).hexdigest()[:32]
    nonce = secrets.token_hex(8)
    with _connected(device, said) as line:
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
    return measures.benchmark(device.name, wanted, folder)


def _probe(line: "_Line", digest: str) -> tuple[str, str]:
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


def _set_up(line: "_Line", digest: str) -> None:
    line.run("setting it up", _SET_UP.format(digest=digest), fine=(0, 1, 2))
    if line.ended == 1:
        # A file may have changed there: the next attempt copies them all again.
        told = line.told()
        line.run("removing it", _FORGET.format(digest=digest))
        raise StageError(f"{line.device.name} does not give what the build gave: {told}")
    if line.ended == 2:
        raise ConfigError(f"{line.device.name} cannot be set up: {line.told()}")


def _send_photos(line: "_Line", wanted: Wanted, name: str) -> None:
    with TemporaryDirectory(prefix="edgetl-") as laid_out:
        root = Path(laid_out)
        measures.lay_out(wanted, root)
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
        for name in (measures.NAME, "measure.svg"):
            member = archive.extractfile(name)
            if member is not None:
                (folder / name).write_bytes(member.read(_LIMIT_BYTES))


class _connected:  # noqa: N801  (used as a function is: with _connected(...))
    """One connection, kept open for all that is run through it, and closed at the end whatever happens."""

    def __init__(self, device: Device, said: Callable[[str], None]) -> None:
        # Not under the run folder: a socket's path may have 104 characters at most.
        self._folder = TemporaryDirectory(prefix="edgetl-")
        self._line = _Line(device, Path(self._folder.name) / "s", said)

    def __enter__(self) -> "_Line":
        return self._line

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._folder.cleanup()


class _Line:
    """Runs scripts on a device.

    Attributes:
        ended: the exit code of the last one.
    """

    def __init__(self, device: Device, control: Path, said: Callable[[str], None]) -> None:
        self.device = device
        self.ended = 0
        self._said = said
        self._errors: list[str] = []
        self._met = False
        options = {
            "ControlMaster": "auto",
            "ControlPath": str(control),
            "ControlPersist": "60",
            "ConnectTimeout": "15",
            "ServerAliveInterval": "5",
            "ServerAliveCountMax": "3",
            **({} if device.alone else {"BatchMode": "yes"}),
        }
        self._ssh = ["ssh", "-T", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]

    def run(
        self,
        doing: str,
        script: str,
        send: Callable[[IO[bytes]], None] | None = None,
        *,
        hold: bool = False,
        fine: tuple[int, ...] = (0,),
    ) -> bytes:
        """What a script writes to standard output.

        Args:
            doing: in words, for the sentence that is said if it fails.
            script: of one of the constants above; without single quotes.
            send: writes what the script reads.
            hold: keep its standard input open until it ends.
            fine: exit codes that are the caller's to judge.

        Raises:
            ConfigError: no connection was made.
            StageError: the connection broke off, or the script failed.
        """
        command = [*self._ssh, "--", self.device.name, f"sh -c '{script}'"]
        self._errors = []
        # No `with`: it would wait for pipes that the connection in the background may still hold.
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        output = bytearray()
        readers = [
            threading.Thread(target=self._listen, args=(child.stderr,), daemon=True),
            threading.Thread(target=_collect, args=(child.stdout, output), daemon=True),
        ]
        for reader in readers:
            reader.start()
        # Whatever ended the script early is told by its exit code and its last words.
        with suppress(BrokenPipeError):
            if send is not None:
                send(child.stdin)
            if not hold:
                child.stdin.close()
        self._wait(child)
        with suppress(BrokenPipeError):
            child.stdin.close()
        for reader in readers:
            reader.join(timeout=2)
        return self._judged(doing, bytes(output), fine)

    def told(self) -> str:
        """The last words of the last script."""
        return self._errors[-1] if self._errors else "it did not say why"

    def close(self) -> None:
        """End the connection."""
        if self._met:
            command = [*self._ssh, "-O", "exit", "--", self.device.name]
            subprocess.run(command, capture_output=True, check=False)

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                self.ended = child.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self.device.stop.is_set():
                    child.terminate()
            else:
                return

    def _judged(self, doing: str, output: bytes, fine: tuple[int, ...]) -> bytes:
        name = self.device.name
        if self.device.stop.is_set():
            raise StageError(f"{name}: interrupted while {doing}")
        if self.ended == _LOST and not self._met:
            raise ConfigError(f"{name}: no connection: {self.told()}", hint=f"try it yourself: ssh {name}")
        if self.ended == _LOST:
            raise StageError(f"{name}: the connection broke off while {doing}: {self.told()}", hint="run it again")
        self._met = True
        if self.ended not in fine:
            raise StageError(f"{name}: {doing} failed: {self.told()}")
        return output

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                text = raw.decode(errors="replace").strip()
                if text.startswith("• "):
                    self._said(text.removeprefix("• "))
                elif text:
                    self._errors.append(text)
                    print(f"{self.device.name}: {text}", file=sys.stderr)


def _collect(stream: IO[bytes], output: bytearray) -> None:
    with stream:
        while len(output) < _LIMIT_BYTES and (block := stream.read(1 << 16)):
            output += block
