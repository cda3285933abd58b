"""qemu and root file systems out of Debian's packages: fetched, unpacked, and nothing of them run or installed here.

The mirror and its keys are those of this machine's own apt.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.emulation.boards import Board
from tools.emulation.store import CannotEmulate

# Of qemu 7.2, in the release before, LiteRT and onnxruntime see this machine's own /proc/cpuinfo and crash.
QEMU_SUITE = "trixie"
_APT = Path("/etc/apt")
_PASSWORDS = "pi:x:1000:1000:,,,:/home/pi:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirror:
    """Where this machine gets Debian's packages, and how it knows that they are Debian's."""

    uri: str
    options: str


def mirror(folder: Path = _APT) -> Mirror:
    """The first mirror of Debian's main component among apt's sources, of either format.

    Raises:
        CannotEmulate: there is none.
    """
    lists = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    for path in lists:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        found = _stanzas(text) if path.suffix == ".sources" else _lines(text) if path.suffix == ".list" else []
        for one in found:
            if re.search(r"/debian/?$", one.uri):
                return one
    raise CannotEmulate("apt knows no Debian mirror here, and the emulated boards are made of Debian's packages")


def _stanzas(text: str) -> list[Mirror]:
    """What deb822 text names, for example "Types: deb" and the lines that follow."""
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        usable = "deb" in fields.get("Types", "").split() and "main" in fields.get("Components", "").split()
        if usable and fields.get("Enabled", "yes") == "yes":
            # A key may stand in the file itself instead of being named; apt's own then have to do.
            signed = fields.get("Signed-By", "")
            options = f"signed-by={signed}" if signed.startswith("/") else ""
            found += [Mirror(uri=uri, options=options) for uri in fields.get("URIs", "").split()]
    return found


def _lines(text: str) -> list[Mirror]:
    """What lines like "deb [signed-by=/a.gpg] URI suite main" name."""
    pattern = re.compile(r"^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+\S+\s.*\bmain\b", re.MULTILINE)
    kept = re.compile(r"\b(?:signed-by|trusted)=\S+")
    return [Mirror(uri=uri, options=" ".join(kept.findall(options))) for options, uri in pattern.findall(text)]


def qemu(folder: Path, architecture: str) -> None:
    """Fill a folder with qemu-aarch64 and qemu-arm: static programs of `architecture`, this machine's."""
    with TemporaryDirectory(prefix="edgetl-apt-") as state:
        apt = _Apt(Path(state), QEMU_SUITE, architecture)
        apt.run("apt-get", "download", "qemu-user")
        (package,) = Path(state).glob("qemu-user_*.deb")
        wanted = ("./usr/bin/qemu-aarch64", "./usr/bin/qemu-arm")
        _unpack(package, folder, ("--strip-components=3", *wanted))


def root(folder: Path, board: Board) -> None:
    """Fill a folder with a board's root file system, a user `pi` in it."""
    with TemporaryDirectory(prefix="edgetl-apt-") as state:
        apt = _Apt(Path(state), board.suite, board.architecture)
        apt.run("apt-get", "install", "--download-only", "--yes", "--no-install-recommends", *board.packages)
        # Links first: what packages put into /bin then lands where it belongs.
        for name in ("bin", "sbin", "lib"):
            (folder / "usr" / name).mkdir(parents=True)
            (folder / name).symlink_to(f"usr/{name}")
        for package in sorted((Path(state) / "archives").glob("*.deb")):
            _unpack(package, folder, ())
    _settle(folder)


class _Apt:
    """apt with a state of its own: this machine's packages are neither seen nor changed."""

    def __init__(self, state: Path, suite: str, architecture: str) -> None:
        for tool in ("apt-get", "dpkg", "tar"):
            if shutil.which(tool) is None:
                raise CannotEmulate(f"{tool} is missing here, and the emulated boards are made of Debian's packages")
        source = mirror()
        self._folder = state
        for name in ("lists/partial", "archives/partial"):
            (state / name).mkdir(parents=True)
        (state / "status").touch()
        options = f"[{source.options}] " if source.options else ""
        (state / "sources.list").write_text(f"deb {options}{source.uri} {suite} main\n", encoding="utf-8")
        settings = {
            "Dir::State": state,
            "Dir::State::lists": state / "lists",
            "Dir::State::status": state / "status",
            "Dir::State::extended_states": state / "extended_states",
            "Dir::Cache": state,
            "Dir::Cache::archives": state / "archives",
            "Dir::Log": state,
            "Dir::Etc::sourcelist": state / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Architecture": architecture,
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
        }
        self._settings = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        # Otherwise foreign architectures of this machine's dpkg would be asked for as well.
        self._settings += ["-o", f"APT::Architectures::={architecture}"]
        self.run("apt-get", "update")

    def run(self, *command: str) -> None:
        """Run one of apt's programs. Raises CannotEmulate with its own words."""
        tool, *arguments = command
        full = [tool, "--quiet", *self._settings, *arguments]
        done = subprocess.run(full, cwd=self._folder, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith(("E:", "Err:"))]
            why = said[0] if said else (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise CannotEmulate(f"Debian's packages for the emulated board cannot be had: {why}")


def _unpack(package: Path, folder: Path, more: Sequence[str]) -> None:
    unpack = ["tar", "-x", "-C", str(folder), "--keep-directory-symlink", "--no-same-owner", *more]
    with subprocess.Popen(["dpkg", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as reader:
        subprocess.run(unpack, stdin=reader.stdout, check=True)
    if reader.returncode:
        raise CannotEmulate(f"{package.name} cannot be unpacked")


def _settle(folder: Path) -> None:
    """What the packages' own scripts would have done, as far as it is needed."""
    for name, more in (("passwd", _PASSWORDS), ("group", "pi:x:1000:\n")):
        master = folder / "usr" / "share" / "base-passwd" / f"{name}.master"
        (folder / "etc" / name).write_text(master.read_text(encoding="ascii") + more, encoding="ascii")
    shell = folder / "usr" / "bin" / "sh"
    if not shell.is_symlink():
        shell.symlink_to("dash")
    # numpy's; there are several, and Debian's alternatives choose one.
    for library in folder.glob("usr/lib/*/*/lib*.so.3"):
        if library.parent.name in ("blas", "lapack"):
            (library.parents[1] / library.name).symlink_to(f"{library.parent.name}/{library.name}")
    for name in ("dev", "proc", "sys", "mnt", "run/sshd", "home/pi", "root", "opt"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    # Debian's ensurepip of Python 3.13 wants to see certificates, although it asks nobody.
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    if certificates.is_file():
        (folder / "etc" / "ssl" / "certs").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(certificates, folder / "etc" / "ssl" / "certs" / certificates.name)
