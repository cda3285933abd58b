"""Starts a program on an emulated board: JSON as the only argument in, the program's output and exit code out.

    python inside.py '{"root": "/cache/board", "qemu": "/cache/qemu-aarch64", ..., "command": ["uname", "-m"]}'

A program of its own, since only one thread may enter new namespaces. It takes user, mount and process namespaces, and
in them a binfmt_misc of its own, so that nothing changes outside; what is written on the board is gone with it. When
this program ends, or whoever started it, everything on the board ends. Exit code 125: the reason is on stderr.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

CANNOT = 125

# Source: linux/sched.h, linux/mount.h, linux/prctl.h.
NEW_MOUNTS, NEW_USERS, NEW_PROCESSES = 0x00020000, 0x10000000, 0x20000000
BIND, RECURSIVE, PRIVATE = 4096, 16384, 1 << 18
DEATH_SIGNAL = 1

# The first 20 bytes of a program for each machine, and which of their bits count.
# Source: qemu, scripts/qemu-binfmt-conf.sh.
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
MAGIC = {
    "qemu-aarch64": r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00",
    "qemu-arm": r"\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00",
}

_LIBC = ctypes.CDLL(None, use_errno=True)


class _CannotError(Exception):
    """One sentence that says what this machine lacks."""


def main() -> None:
    """Enter, and become the program."""
    wanted = json.loads(sys.argv[1])
    try:
        _separate(wanted["users"])
        child = os.fork()
        if not child:
            _LIBC.prctl(DEATH_SIGNAL, signal.SIGKILL)
            _enter(wanted)
            os.execvpe(wanted["command"][0], wanted["command"], wanted["environment"])
    except _CannotError as error:
        print(error, file=sys.stderr)
        sys.exit(CANNOT)
    except FileNotFoundError:
        print(f"{wanted['command'][0]}: not on the board", file=sys.stderr)
        sys.exit(127)
    _LIBC.prctl(DEATH_SIGNAL, signal.SIGKILL)
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # The first process of the board ends, and all others with it.
        signal.signal(ending, lambda *_: os.kill(child, signal.SIGKILL))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


def _separate(users: int) -> None:
    """Leave this machine's namespaces. `users` are as many as exist inside, root first: more than one needs root."""
    ready, entered = os.pipe()
    outside = os.fork()
    if not outside:
        # Only who stayed outside, and may, can say who is who inside.
        os.read(ready, 1)
        _name_users(os.getppid(), users)
        os._exit(0)
    if _LIBC.unshare(NEW_USERS | NEW_MOUNTS | NEW_PROCESSES):
        why = os.strerror(ctypes.get_errno())
        os.kill(outside, signal.SIGKILL)
        os.waitpid(outside, 0)
        raise _CannotError(f"user namespaces are refused here ({why})")
    os.write(entered, b"x")
    _, status = os.waitpid(outside, 0)
    if status:
        raise _CannotError("user namespaces with more than one user are refused here")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _name_users(process: int, users: int) -> None:
    proc = Path("/proc") / str(process)
    if users == 1:
        (proc / "setgroups").write_text("deny", encoding="ascii")
    for name, mine in (("gid_map", os.getgid()), ("uid_map", os.getuid())):
        (proc / name).write_text(f"0 {mine} {users}", encoding="ascii")


def _enter(wanted: dict) -> None:
    """The board's files in place of this machine's, this machine's kernel behind them."""
    _mount("none", "/", "", RECURSIVE | PRIVATE)
    _register(wanted["qemu"])
    board = _disk(wanted)
    # Without /sys LiteRT drops XNNPACK without a word.
    for name in ("proc", "sys", "dev"):
        _mount(f"/{name}", board / name, "", BIND | RECURSIVE)
    if wanted["model"]:
        _name(board, wanted["model"])
    for inside, outside in wanted["shared"].items():
        (board / inside).mkdir(parents=True, exist_ok=True)
        _mount(outside, board / inside, "", BIND)
    for path, owner in wanted["owners"].items():
        os.chown(board / path, owner, owner)
    os.chroot(board)
    os.chdir(wanted["environment"]["HOME"])


def _disk(wanted: dict) -> Path:
    """The board's root: a layer in memory over the prepared files, or those files themselves."""
    work, root = Path(wanted["work"]), Path(wanted["root"])
    if not wanted["disk_bytes"]:
        _mount(str(root), work, "", BIND)
        return work
    _mount("tmpfs", work, "tmpfs", data=f"mode=755,size={wanted['disk_bytes']}")
    for name in ("upper", "work", "board"):
        (work / name).mkdir()
    # The path of the root may hold a comma or a colon, which mean something here; its name does not.
    os.chdir(root.parent)
    layers = f"lowerdir={root.name},upperdir={work / 'upper'},workdir={work / 'work'},userxattr"
    _mount("overlay", work / "board", "overlay", data=layers)
    return work / "board"


def _register(qemu: str) -> None:
    """From here on the kernel hands programs of the board's machine to qemu; in these namespaces only."""
    binfmt = Path("/proc/sys/fs/binfmt_misc")
    name = Path(qemu).name
    try:
        _mount("binfmt_misc", binfmt, "binfmt_misc")
        (binfmt / "register").write_text(f":{name}:M::{MAGIC[name]}:{_MASK}:{qemu}:FP", encoding="ascii")
    except (_CannotError, OSError) as error:
        release = os.uname().release
        raise _CannotError(f"Linux {release} has no binfmt_misc for each user namespace (6.7 has): {error}") from error


def _name(board: Path, model: str) -> None:
    """Let the board say what it is, in the one place where a board does and this can be said."""
    firmware = board / "sys" / "firmware"
    _mount("tmpfs", firmware, "tmpfs", data="mode=755")
    tree = firmware / "devicetree" / "base"
    tree.mkdir(parents=True)
    (tree / "model").write_text(f"{model}\0", encoding="ascii")


def _mount(source: str, target: str | Path, kind: str, flags: int = 0, data: str = "") -> None:
    texts = [os.fsencode(text) for text in (str(source), str(target), kind, data)]
    if _LIBC.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]):
        why = os.strerror(ctypes.get_errno())
        raise _CannotError(f"{kind or source} cannot be mounted in a user namespace here ({why})")


if __name__ == "__main__":
    main()
