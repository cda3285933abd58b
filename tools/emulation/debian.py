"""qemu and root file systems from Debian packages, which are downloaded and unpacked but never installed or run here.

The mirror and its keys are those of this machine's apt.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.emulation.boards import Board
from tools.emulation.store import EmulationError

# qemu 7.2 of the release before shows this machine's /proc/cpuinfo to the board, and LiteRT and onnxruntime crash.
QEMU_SUITE = "trixie"
_APT = Path("/etc/apt")
_PASSWORDS = "pi:x:1000:1000:,,,:/home/pi:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirror:
    """A Debian mirror, and the apt options that name the key of its packages."""

    uri: str
    options: str


def find_mirror(folder: Path = _APT) -> Mirror:
    """Return the first mirror of Debian's main component in apt's sources, in either format.

    Raises:
        EmulationError: apt has no such source.
    """
    lists = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    parsers = {".sources": _parse_stanzas, ".list": _parse_lines}
    for path in lists:
        if not path.is_file() or path.suffix not in parsers:
            continue
        for mirror in parsers[path.suffix](path.read_text(encoding="utf-8")):
            if re.search(r"/debian/?$", mirror.uri):
                return mirror
    raise EmulationError("apt has no Debian mirror here, and the emulated boards are made of Debian packages")


def unpack_qemu(folder: Path, architecture: str) -> None:
    """Unpack qemu-aarch64 and qemu-arm, static programs for this machine's architecture, into a folder."""
    with TemporaryDirectory(prefix="edgetl-apt-") as state:
        apt = _PrivateApt(Path(state), QEMU_SUITE, architecture)
        apt.run("apt-get", "download", "qemu-user")
        (package,) = Path(state).glob("qemu-user_*.deb")
        _unpack(package, folder, ("--strip-components=3", "./usr/bin/qemu-aarch64", "./usr/bin/qemu-arm"))


def unpack_programs(folder: Path, suite: str, packages: Sequence[str]) -> None:
    """Unpack programs for this machine, with the libraries that they need but without the C library, into a folder.

    They run with the C library of this machine: it is not older than that of the suite.
    """
    with TemporaryDirectory(prefix="edgetl-apt-") as state:
        apt = _PrivateApt(Path(state), suite, "amd64")
        apt.run("apt-get", "install", "--download-only", "--yes", "--no-install-recommends", *packages)
        _make_usr_links(folder)
        for package in sorted((Path(state) / "archives").glob("*.deb")):
            if not package.name.startswith(("libc6_", "libc-bin_")):
                _unpack(package, folder, ())


def unpack_root(folder: Path, board: Board) -> None:
    """Unpack a board's root file system, with a user `pi`, into a folder."""
    with TemporaryDirectory(prefix="edgetl-apt-") as state:
        apt = _PrivateApt(Path(state), board.suite, board.architecture)
        apt.run("apt-get", "install", "--download-only", "--yes", "--no-install-recommends", *board.packages)
        _make_usr_links(folder)
        for package in sorted((Path(state) / "archives").glob("*.deb")):
            _unpack(package, folder, ())
    _configure(folder)


class _PrivateApt:
    """apt with its own state folder: it neither reads nor changes the packages of this machine."""

    def __init__(self, state: Path, suite: str, architecture: str) -> None:
        for tool in ("apt-get", "dpkg", "tar"):
            if shutil.which(tool) is None:
                raise EmulationError(f"{tool} is missing here, and the emulated boards are made of Debian packages")
        mirror = find_mirror()
        self._folder = state
        for name in ("lists/partial", "archives/partial"):
            (state / name).mkdir(parents=True)
        (state / "status").touch()
        options = f"[{mirror.options}] " if mirror.options else ""
        (state / "sources.list").write_text(f"deb {options}{mirror.uri} {suite} main\n", encoding="utf-8")
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
        # Without this, apt also downloads the lists of the foreign architectures in this machine's dpkg.
        self._settings += ["-o", f"APT::Architectures::={architecture}"]
        self.run("apt-get", "update")

    def run(self, *command: str) -> None:
        """Run a program of apt.

        Raises:
            EmulationError: it fails; the message contains apt's first error.
        """
        tool, *arguments = command
        full = [tool, "--quiet", *self._settings, *arguments]
        apt = subprocess.run(full, cwd=self._folder, capture_output=True, text=True, check=False)
        if apt.returncode:
            errors = [line for line in apt.stderr.splitlines() if line.startswith(("E:", "Err:"))]
            reason = errors[0] if errors else (apt.stderr.strip().splitlines() or ["no message"])[-1]
            raise EmulationError(f"Debian packages for the emulated board cannot be downloaded: {reason}")


def _parse_stanzas(text: str) -> list[Mirror]:
    """List the mirrors in deb822 text: stanzas of fields such as "Types: deb"."""
    mirrors = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        usable = "deb" in fields.get("Types", "").split() and "main" in fields.get("Components", "").split()
        if usable and fields.get("Enabled", "yes") == "yes":
            # Signed-By may contain the key itself instead of a path; then apt's own keys are used.
            signed_by = fields.get("Signed-By", "")
            options = f"signed-by={signed_by}" if signed_by.startswith("/") else ""
            mirrors += [Mirror(uri=uri, options=options) for uri in fields.get("URIs", "").split()]
    return mirrors


def _parse_lines(text: str) -> list[Mirror]:
    """List the mirrors in lines such as "deb [signed-by=/a.gpg] URI suite main"."""
    line = re.compile(r"^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+\S+\s.*\bmain\b", re.MULTILINE)
    key_option = re.compile(r"\b(?:signed-by|trusted)=\S+")
    return [Mirror(uri=uri, options=" ".join(key_option.findall(options))) for options, uri in line.findall(text)]


def _make_usr_links(folder: Path) -> None:
    # The links come first, so that the files that packages put into /bin are unpacked into /usr/bin.
    for name in ("bin", "sbin", "lib"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")


def _unpack(package: Path, folder: Path, tar_arguments: Sequence[str]) -> None:
    tar = ["tar", "-x", "-C", str(folder), "--keep-directory-symlink", "--no-same-owner", *tar_arguments]
    with subprocess.Popen(["dpkg", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as reader:
        subprocess.run(tar, stdin=reader.stdout, check=True)
    if reader.returncode:
        raise EmulationError(f"{package.name} cannot be unpacked")


def _configure(folder: Path) -> None:
    """Do what the maintainer scripts of the packages would do, as far as programs on the board need it."""
    for name, lines in (("passwd", _PASSWORDS), ("group", "pi:x:1000:\n")):
        master = folder / "usr" / "share" / "base-passwd" / f"{name}.master"
        (folder / "etc" / name).write_text(master.read_text(encoding="ascii") + lines, encoding="ascii")
    shell = folder / "usr" / "bin" / "sh"
    if not shell.is_symlink():
        shell.symlink_to("dash")
    # The linear algebra libraries of numpy. Debian's alternatives system would make these links.
    for library in folder.glob("usr/lib/*/*/lib*.so.3"):
        if library.parent.name in ("blas", "lapack"):
            (library.parents[1] / library.name).symlink_to(f"{library.parent.name}/{library.name}")
    for name in ("dev", "proc", "sys", "mnt", "run/sshd", "home/pi", "root", "opt"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    # ensurepip of Debian's Python 3.13 fails without certificates, although it downloads nothing.
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    if certificates.is_file():
        (folder / "etc" / "ssl" / "certs").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(certificates, folder / "etc" / "ssl" / "certs" / certificates.name)
