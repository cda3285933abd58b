"""Runs scripts on a device over the user's own OpenSSH.

The user's configuration, agent and known_hosts are used, and ssh checks host keys as they say. One connection is kept
open for all scripts of a device, so that a password is needed once.
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

_CONNECTION_LOST = 255  # Exit code of ssh itself without a connection.
_LIMIT_BYTES = 256 * 1024 * 1024
_DEVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:%/\[\]-]*")
_MESSAGE = "• "


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A device by its ssh name. `alone` lets ssh ask for a password; `stop` ends every connection when it is set."""

    name: str
    alone: bool
    stop: threading.Event

    def __post_init__(self) -> None:
        if _DEVICE.fullmatch(self.name) is None:
            raise ConfigError(
                f"{self.name!r} is no device for ssh", hint="user@host, or a Host of your ssh configuration"
            )

    def key(self) -> object:
        """Return the name, for the fingerprint of a stage."""
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A script to run on a device.

    Attributes:
        doing: what it does, in words, for the error message.
        text: the script, without single quotes.
        ok_codes: exit codes that are left to the caller.
        keep_stdin_open: keep its standard input open until it ends, so that it notices a lost connection.
    """

    doing: str
    text: str
    ok_codes: tuple[int, ...] = (0,)
    keep_stdin_open: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """A finished script: its exit code, its standard output, and the last line of its standard error."""

    exit_code: int
    stdout: bytes
    last_line: str


@contextmanager
def connect(device: Device, say: Callable[[str], None]) -> Iterator["Connection"]:
    """Yield a connection to the device; it is closed at the end in any case.

    Args:
        device: the device.
        say: called with every line of standard error that begins with "• ", without that.
    """
    # Not in the run folder: the path of a socket may have at most 104 characters.
    with TemporaryDirectory(prefix="edgetl-") as folder:
        connection = Connection(device, Path(folder) / "s", say)
        try:
            yield connection
        finally:
            connection.close()


class Connection:
    """Runs scripts on a device. Made by `connect`."""

    def __init__(self, device: Device, control: Path, say: Callable[[str], None]) -> None:
        self.device = device
        self._say = say
        self._has_connected = False
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

    def run(self, script: Script, send: Callable[[IO[bytes]], None] | None = None) -> Completed:
        """Run a script to its end.

        Args:
            script: the script.
            send: writes what the script reads from its standard input.

        Raises:
            ConfigError: no connection was made.
            StageError: the connection was lost, or the script failed.
        """
        command = [*self._ssh, "--", self.device.name, f"sh -c '{script.text}'"]
        # Not `with`: it would wait for pipes that the connection in the background may still hold.
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        output, errors = bytearray(), list[str]()
        readers = [
            threading.Thread(target=self._read_errors, args=(child.stderr, errors), daemon=True),
            threading.Thread(target=_read_output, args=(child.stdout, output), daemon=True),
        ]
        for reader in readers:
            reader.start()
        # A script that ends early is reported by its exit code and its last line.
        with suppress(BrokenPipeError):
            if send is not None:
                send(child.stdin)
            if not script.keep_stdin_open:
                child.stdin.close()
        exit_code = self._wait(child)
        with suppress(BrokenPipeError):
            child.stdin.close()
        for reader in readers:
            reader.join(timeout=2)
        last_line = errors[-1] if errors else "no error message"
        completed = Completed(exit_code=exit_code, stdout=bytes(output), last_line=last_line)
        self._check(script, completed)
        return completed

    def close(self) -> None:
        """Close the connection."""
        if self._has_connected:
            command = [*self._ssh, "-O", "exit", "--", self.device.name]
            subprocess.run(command, capture_output=True, check=False)

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        while True:
            try:
                return child.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self.device.stop.is_set():
                    child.terminate()

    def _check(self, script: Script, completed: Completed) -> None:
        name = self.device.name
        if self.device.stop.is_set():
            raise StageError(f"{name}: interrupted while {script.doing}")
        if completed.exit_code == _CONNECTION_LOST and not self._has_connected:
            raise ConfigError(f"{name}: no connection: {completed.last_line}", hint=f"try it yourself: ssh {name}")
        if completed.exit_code == _CONNECTION_LOST:
            raise StageError(f"{name}: the connection was lost while {script.doing}", hint="run it again")
        self._has_connected = True
        if completed.exit_code not in script.ok_codes:
            raise StageError(f"{name}: {script.doing} failed: {completed.last_line}")

    def _read_errors(self, stream: IO[bytes], errors: list[str]) -> None:
        with stream:
            for raw in stream:
                text = raw.decode(errors="replace").strip()
                if text.startswith(_MESSAGE):
                    self._say(text.removeprefix(_MESSAGE))
                elif text:
                    errors.append(text)
                    print(f"{self.device.name}: {text}", file=sys.stderr)


def _read_output(stream: IO[bytes], output: bytearray) -> None:
    with stream:
        while len(output) < _LIMIT_BYTES and (block := stream.read(1 << 16)):
            output += block
