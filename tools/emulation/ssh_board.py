"""An emulated board that runs sshd on a free port of this machine's loopback interface, for the user `pi`."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.emulation import sandbox
from tools.emulation.sandbox import PreparedBoard, Program
from tools.emulation.store import EmulationError

_PI_USER_ID = 1000
# Debian's packages use the user ids below this number; the highest is that of nobody.
_USERS = 65536
_START_LIMIT_S = 60

_SSHD_CONFIG = """ListenAddress 127.0.0.1
Port {port}
HostKey /etc/board/host_key
AuthorizedKeysFile /etc/board/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin no
PrintMotd no
Subsystem sftp internal-sftp
SetEnv {environment}
"""

_SSH_CONFIG = """Host {name}
    HostName 127.0.0.1
    Port {port}
    User pi
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    StrictHostKeyChecking yes
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SshBoard:
    """A running board.

    Attributes:
        name: its Host in the ssh configuration.
        config: the ssh configuration, for `ssh -F`.
        process: the board stops when this process ends.
        log: output of its sshd.
    """

    name: str
    config: Path
    process: subprocess.Popen[bytes]
    log: Path

    def ssh(self, script: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a shell script on the board as `pi`; `options` are those of `subprocess.run`."""
        line = ["ssh", "-F", str(self.config), "-T", self.name, script]
        return subprocess.run(line, capture_output=True, text=True, check=False, **options)

    def copy(self, *paths: Path, into: str = "") -> None:
        """Copy files and folders into the home of `pi`, or into a folder in it, over scp."""
        line = ["scp", "-q", "-r", "-F", str(self.config), *map(str, paths), f"{self.name}:{into}"]
        subprocess.run(line, check=True)


@contextmanager
def start_board(
    prepared: PreparedBoard,
    *,
    environment: Mapping[str, str] | None = None,
    shared: Mapping[str, Path] | None = None,
    disk_bytes: int = sandbox.DISK_BYTES,
) -> Iterator[SshBoard]:
    """Start a board, and yield it when its sshd accepts connections; at the end everything written on it is dropped.

    Args:
        prepared: the board.
        environment: environment of every session, in addition to the board's. Values contain no spaces.
        shared: folders of the board → folders of this machine.
        disk_bytes: size of its disk.

    Raises:
        EmulationError: this machine has no ssh, or this process is not root.
    """
    for tool in ("ssh", "scp", "ssh-keygen"):
        if shutil.which(tool) is None:
            raise EmulationError(f"{tool} is missing here: on Debian and Ubuntu, apt install openssh-client")
    if os.geteuid():
        raise EmulationError("a board with sshd has more than one user, and only root can map several users")
    with TemporaryDirectory(prefix="edgetl-board-") as temporary:
        folder = Path(temporary)
        # The board's users are other users of this machine, and must be able to read it.
        folder.chmod(0o755)
        port = _write_configuration(folder, prepared, environment or {})
        program = Program(
            command=["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/board/sshd_config"],
            work=folder / "disk",
            shared={"etc/board": folder / "board", **(shared or {})},
            owners={"home/pi": _PI_USER_ID},
            users=_USERS,
            disk_bytes=disk_bytes,
        )
        log = folder / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(sandbox.make_command(prepared, program), stdout=file, stderr=file)
        try:
            _wait_for_sshd(process, port, log)
            yield SshBoard(name=prepared.board.name, config=folder / "config", process=process, log=log)
        finally:
            # inside.py passes it on: the first process of the board is killed, and all others with it.
            process.send_signal(signal.SIGTERM)
            process.wait()


def _write_configuration(folder: Path, prepared: PreparedBoard, environment: Mapping[str, str]) -> int:
    """Write new keys and the configuration of sshd and ssh; return the port."""
    board = folder / "board"
    for path in (board, folder / "disk"):
        path.mkdir()
    for path in (board / "host_key", folder / "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    shutil.copyfile(folder / "key.pub", board / "authorized_keys")
    # sshd takes the port a moment later. Another program could take it first; sshd then fails, and its log is reported.
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    variables = {
        **prepared.environment,
        "PATH": "/home/pi/bin:/usr/local/bin:/usr/bin:/bin",
        # The board has no network: its pip installs from the downloaded wheels.
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "/opt/wheels",
        **environment,
    }
    settings = " ".join(f"{name}={value}" for name, value in variables.items())
    (board / "sshd_config").write_text(_SSHD_CONFIG.format(port=port, environment=settings), encoding="utf-8")
    key = (board / "host_key.pub").read_text(encoding="ascii")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}", encoding="ascii")
    config = _SSH_CONFIG.format(name=prepared.board.name, port=port, folder=folder)
    (folder / "config").write_text(config, encoding="utf-8")
    return port


def _wait_for_sshd(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until sshd sends its version string.

    Raises:
        EmulationError: sshd ends, or sends nothing within a minute.
    """
    deadline = time.monotonic() + _START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
                if peer.recv(4) == b"SSH-":
                    return
        except OSError:
            # sshd does not listen yet.
            time.sleep(0.1)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"]
    raise EmulationError(f"the emulated board's sshd does not start: {lines[-1]}")
