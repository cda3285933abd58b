"""Runs scripts on a device with the OpenSSH client of this host.

ssh uses the user's configuration, agent and known_hosts, so it checks host keys as it does in a terminal. All scripts
of a device share one connection, so that the user enters a password once.
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
from edgetl.core.interrupt import call_when_interrupted, check_interrupt

# ssh exits with this code if it has no connection, and otherwise with the exit code of the script.
_CONNECTION_LOST = 255
# A faulty device could send output without end.
_LIMIT_BYTES = 256 * 1024 * 1024
# A name that began with a dash would be an option of ssh.
_DEVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:%/\[\]-]*")
# Lines of standard error that begin with this are messages for the user, the others are errors and warnings.
_MESSAGE = "• "
_STOP_INTERVAL_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A device to connect to.

    Attributes:
        name: user@host, or a Host of the ssh configuration.
        interactive: whether ssh may ask for a password. Several devices at once would share the terminal.
        stop: when it is set, running scripts are interrupted.
    """

    name: str
    interactive: bool
    stop: threading.Event

    def __post_init__(self) -> None:
        if _DEVICE.fullmatch(self.name) is None:
            raise ConfigError(
                f"{self.name!r} is not a device name for ssh", hint="user@host, or a Host of your ssh configuration"
            )

    def key(self) -> object:
        """Return the name, for the fingerprint of a stage."""
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A script to run on a device.

    Attributes:
        action: what the script does, for error messages: "copying the photos".
        text: the script, without single quotes.
        ok_codes: exit codes that are not an error.
        keep_stdin_open: keep standard input open until the script ends. Its end then means a lost connection.
    """

    action: str
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
    """Yield a connection to a device, and close it at the end.

    Args:
        device: the device.
        say: called with each message of a script: a line of standard error that begins with "• ", without the "• ".
    """
    # Not in the run folder: the path of a socket has at most 104 characters on some systems.
    with TemporaryDirectory(prefix="edgetl-") as folder:
        connection = Connection(device, Path(folder) / "s", say)
        try:
            yield connection
        finally:
            connection.close()


class Connection:
    """Runs scripts on a device: see `connect`."""

    def __init__(self, device: Device, control: Path, say: Callable[[str], None]) -> None:
        self.device = device
        self._say = say
        self._has_connected = False
        options = {
            # The first ssh stays in the background as the master, through which the next ones connect.
            "ControlMaster": "auto",
            "ControlPath": str(control),
            "ControlPersist": "60",
            "ConnectTimeout": "15",
            # A device that does not reply for 15 seconds counts as lost.
            "ServerAliveInterval": "5",
            "ServerAliveCountMax": "3",
            **({} if device.interactive else {"BatchMode": "yes"}),
        }
        self._ssh = ["ssh", "-T", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]

    def run(self, script: Script, send: Callable[[IO[bytes]], None] | None = None) -> Completed:
        """Run a script and wait for its end.

        Args:
            script: the script.
            send: writes to the standard input of the script.

        Raises:
            ConfigError: no connection was made.
            StageError: the connection was lost, the script failed, or `stop` was set.
            Interrupted: ^C or SIGTERM was received.
        """
        command = [*self._ssh, "--", self.device.name, f"sh -c '{script.text}'"]
        # Without `with`, which would wait for the end of the pipes: the master in the background may keep them open.
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        output, errors = bytearray(), list[str]()
        # Two threads read while this one writes, so that no pipe fills up and blocks the script.
        readers = [
            threading.Thread(target=self._read_errors, args=(child.stderr, errors), daemon=True),
            threading.Thread(target=_read_output, args=(child.stdout, output), daemon=True),
        ]
        for reader in readers:
            reader.start()
        with call_when_interrupted(child.terminate):
            # A script that ends before it has read everything is reported below, by its exit code and last line.
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
                return child.wait(timeout=_STOP_INTERVAL_S)
            except subprocess.TimeoutExpired:
                if self.device.stop.is_set():
                    child.terminate()

    def _check(self, script: Script, completed: Completed) -> None:
        name = self.device.name
        check_interrupt()
        if self.device.stop.is_set():
            raise StageError(f"{name}: interrupted while {script.action}")
        if completed.exit_code == _CONNECTION_LOST and not self._has_connected:
            raise ConfigError(f"{name}: no connection: {completed.last_line}", hint=f"try it yourself: ssh {name}")
        if completed.exit_code == _CONNECTION_LOST:
            raise StageError(f"{name}: the connection was lost while {script.action}", hint="run it again")
        self._has_connected = True
        if completed.exit_code not in script.ok_codes:
            raise StageError(f"{name}: {script.action} failed: {completed.last_line}")

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
