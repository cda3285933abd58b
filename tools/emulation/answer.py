"""A board that answers ssh: its own sshd, on a free port of this machine's loopback, for the user `pi`."""

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

from tools.emulation import chamber
from tools.emulation.chamber import Prepared, Visit
from tools.emulation.store import CannotEmulate

PI = 1000
# Users below are those of Debian's own packages: nobody is the highest.
USERS = 65536
_START_LIMIT_S = 60

_SSHD = """ListenAddress 127.0.0.1
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

_SSH = """Host {name}
    HostName 127.0.0.1
    Port {port}
    User pi
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    StrictHostKeyChecking yes
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answering:
    """A board that answers.

    Attributes:
        name: the Host in its ssh configuration.
        config: that configuration, for `ssh -F`.
        process: ends the board when it is ended.
        log: what its sshd says.
    """

    name: str
    config: Path
    process: subprocess.Popen[bytes]
    log: Path

    def ssh(self, script: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run a script of ours on it, as `pi`."""
        line = ["ssh", "-F", str(self.config), "-T", self.name, script]
        return subprocess.run(line, capture_output=True, text=True, check=False, **options)

    def copy(self, *paths: Path, into: str = "") -> None:
        """Copy files and folders into the home of `pi`, or a folder there, over scp."""
        line = ["scp", "-q", "-r", "-F", str(self.config), *map(str, paths), f"{self.name}:{into}"]
        subprocess.run(line, check=True)


@contextmanager
def answering(
    ready: Prepared,
    *,
    environment: Mapping[str, str] | None = None,
    shared: Mapping[str, Path] | None = None,
    disk_bytes: int = chamber.DISK_BYTES,
) -> Iterator[Answering]:
    """A board, up and reachable until the end of the block; then all that was written on it is gone.

    Args:
        ready: the board.
        environment: what every session gets, besides the board's own. Without spaces.
        shared: folders of the board → folders of this machine.
        disk_bytes: the size of its disk.

    Raises:
        CannotEmulate: this machine lacks ssh, or we are not root.
    """
    for tool in ("ssh", "scp", "ssh-keygen"):
        if shutil.which(tool) is None:
            raise CannotEmulate(f"{tool} is missing here: on Debian and Ubuntu, apt install openssh-client")
    if os.geteuid():
        raise CannotEmulate("a board that answers ssh has more than one user, which only root can give it")
    with TemporaryDirectory(prefix="edgetl-board-") as given:
        folder = Path(given)
        # The board's own users look into it.
        folder.chmod(0o755)
        port = _keys(folder, ready, environment or {})
        visit = Visit(
            command=["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/board/sshd_config"],
            work=folder / "disk",
            shared={"etc/board": folder / "board", **(shared or {})},
            owners={"home/pi": PI},
            users=USERS,
            disk_bytes=disk_bytes,
        )
        log = folder / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(chamber.command(ready, visit), stdout=file, stderr=file)
        try:
            _wait(process, port, log)
            yield Answering(name=ready.board.name, config=folder / "config", process=process, log=log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _keys(folder: Path, ready: Prepared, environment: Mapping[str, str]) -> int:
    """Keys made for this board alone, and both sides' configuration. Gives the port."""
    board = folder / "board"
    for path in (board, folder / "disk"):
        path.mkdir()
    for path in (board / "host_key", folder / "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    shutil.copyfile(folder / "key.pub", board / "authorized_keys")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    told = {
        **ready.environment,
        "PATH": "/home/pi/bin:/usr/local/bin:/usr/bin:/bin",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "/opt/wheels",
        **environment,
    }
    settings = " ".join(f"{name}={value}" for name, value in told.items())
    (board / "sshd_config").write_text(_SSHD.format(port=port, environment=settings), encoding="utf-8")
    key = (board / "host_key.pub").read_text(encoding="ascii")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}", encoding="ascii")
    config = _SSH.format(name=ready.board.name, port=port, folder=folder)
    (folder / "config").write_text(config, encoding="utf-8")
    return port


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until sshd greets."""
    deadline = time.monotonic() + _START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
                if peer.recv(4) == b"SSH-":
                    return
        except OSError:
            # Nobody listens yet.
            time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"]
    raise CannotEmulate(f"the emulated board's sshd does not answer: {said[-1]}")
