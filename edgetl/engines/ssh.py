"""OpenSSH: a device and scripts go in; what the scripts wrote comes out, or the sentence that says how it broke off.

The user's own ssh does the talking, with their configuration, agent and known_hosts; how host keys are checked is
theirs to say. One connection is kept open for all scripts of a device, so that a password is asked for once.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from edgetl.core.errors import ConfigError, StageError

_LOST = 255  # How ssh itself ends where there is no connection, or no longer one.
_LIMIT_BYTES = 256 * 1024 * 1024
_DEVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:%/\[\]-]*")


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


@contextmanager
def connect(device: Device, said: Callable[[str], None]) -> Iterator["Connection"]:
    """A line to the device, closed at the end whatever happens. `said` is told each line that begins with "• "."""
    # Not under the run folder: a socket's path may have 104 characters at most.
    with TemporaryDirectory(prefix="edgetl-") as folder:
        line = Connection(device, Path(folder) / "s", said)
        try:
            yield line
        finally:
            line.close()


class Connection:
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
            raise StageError(f"{name}: the connection broke off while {doing}", hint="run it again")
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
