"""Runs a program on an emulated board: settings as one JSON argument in, the program's output and exit code out.

    python inside.py '{"root": "/cache/board", "qemu": "/cache/qemu-aarch64", ..., "command": ["uname", "-m"]}'

It is a program of its own because only a single-threaded process may enter new user namespaces. It enters user, mount
and process namespaces with a private binfmt_misc, so nothing changes outside, and what the program writes on the board
is dropped at the end. When this process or its parent ends, all processes on the board end. Exit code 125: this machine
cannot emulate boards; the reason is on stderr.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

CANNOT_EMULATE = 125

# Source: linux/sched.h, linux/mount.h, linux/prctl.h.
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1

# The first 20 bytes of an ELF program for each machine, and the mask of the bits that are compared.
# Source: qemu, scripts/qemu-binfmt-conf.sh.
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
MAGIC = {
    "qemu-aarch64": r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00",
    "qemu-arm": r"\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00",
}

_LIBC = ctypes.CDLL(None, use_errno=True)

Settings = dict[str, Any]


class _UnsupportedError(Exception):
    """One sentence that names what this machine lacks."""


def main() -> None:
    """Enter the namespaces and run the program."""
    settings: Settings = json.loads(sys.argv[1])
    try:
        _enter_namespaces(settings["users"])
        child = os.fork()
        if not child:
            _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            _enter_board(settings)
            os.execvpe(settings["command"][0], settings["command"], settings["environment"])
    except _UnsupportedError as error:
        print(error, file=sys.stderr)
        sys.exit(CANNOT_EMULATE)
    except FileNotFoundError:
        print(f"{settings['command'][0]}: not on the board", file=sys.stderr)
        sys.exit(127)
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # The child is the first process of its namespace: when it ends, the kernel kills all the others.
        signal.signal(number, lambda *_: os.kill(child, signal.SIGKILL))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    # A shell reports a program killed by signal N as 128 + N; waitstatus_to_exitcode returns -N.
    sys.exit(code if code >= 0 else 128 - code)


def _enter_namespaces(users: int) -> None:
    """Enter new user, mount and process namespaces.

    Args:
        users: number of users inside, root first. More than one needs root outside.
    """
    entered_read, entered_write = os.pipe()
    helper = os.fork()
    if not helper:
        # Only a process outside the namespace, with the right to do so, may map several users.
        os.read(entered_read, 1)
        _map_users(os.getppid(), users)
        os._exit(0)
    if _LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID):
        reason = os.strerror(ctypes.get_errno())
        os.kill(helper, signal.SIGKILL)
        os.waitpid(helper, 0)
        raise _UnsupportedError(f"user namespaces are refused here ({reason})")
    os.write(entered_write, b"x")
    _, status = os.waitpid(helper, 0)
    if status:
        raise _UnsupportedError("user namespaces with more than one user are refused here")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _map_users(process: int, users: int) -> None:
    proc = Path("/proc") / str(process)
    if users == 1:
        # Without root, the kernel accepts a gid_map only after setgroups is denied.
        (proc / "setgroups").write_text("deny", encoding="ascii")
    for name, outside_id in (("gid_map", os.getgid()), ("uid_map", os.getuid())):
        (proc / name).write_text(f"0 {outside_id} {users}", encoding="ascii")


def _enter_board(settings: Settings) -> None:
    """Make the board's files the root file system, with /proc, /sys and /dev of this machine's kernel."""
    _mount("none", "/", "", MS_REC | MS_PRIVATE)
    _register_qemu(settings["qemu"])
    board = _mount_disk(settings)
    # Without /sys, LiteRT silently drops XNNPACK.
    for name in ("proc", "sys", "dev"):
        _mount(f"/{name}", board / name, "", MS_BIND | MS_REC)
    if settings["model"]:
        _write_model(board, settings["model"])
    for inside, outside in settings["shared"].items():
        (board / inside).mkdir(parents=True, exist_ok=True)
        _mount(outside, board / inside, "", MS_BIND)
    for path, owner in settings["owners"].items():
        os.chown(board / path, owner, owner)
    os.chroot(board)
    os.chdir(settings["environment"]["HOME"])


def _mount_disk(settings: Settings) -> Path:
    """Mount the board's root, an overlay in memory over the prepared files or those files themselves; return it."""
    work, root = Path(settings["work"]), Path(settings["root"])
    if not settings["disk_bytes"]:
        _mount(str(root), work, "", MS_BIND)
        return work
    _mount("tmpfs", work, "tmpfs", data=f"mode=755,size={settings['disk_bytes']}")
    for name in ("upper", "work", "board"):
        (work / name).mkdir()
    # A comma or colon in the path would separate options or layers; the folder's own name contains neither.
    os.chdir(root.parent)
    layers = f"lowerdir={root.name},upperdir={work / 'upper'},workdir={work / 'work'},userxattr"
    _mount("overlay", work / "board", "overlay", data=layers)
    return work / "board"


def _register_qemu(qemu: str) -> None:
    """Register qemu in this namespace's binfmt_misc: the kernel then runs programs of the board's machine with it."""
    binfmt = Path("/proc/sys/fs/binfmt_misc")
    name = Path(qemu).name
    try:
        _mount("binfmt_misc", binfmt, "binfmt_misc")
        # F opens qemu now, so that it is found after chroot; P keeps the program's own argv[0].
        (binfmt / "register").write_text(f":{name}:M::{MAGIC[name]}:{_MASK}:{qemu}:FP", encoding="ascii")
    except (_UnsupportedError, OSError) as error:
        release = os.uname().release
        raise _UnsupportedError(
            f"Linux {release} has no binfmt_misc for each user namespace (6.7 has): {error}"
        ) from error


def _write_model(board: Path, model: str) -> None:
    """Write the board's model name. /proc/device-tree cannot be replaced, but this place in /sys can."""
    firmware = board / "sys" / "firmware"
    _mount("tmpfs", firmware, "tmpfs", data="mode=755")
    tree = firmware / "devicetree" / "base"
    tree.mkdir(parents=True)
    (tree / "model").write_text(f"{model}\0", encoding="ascii")


def _mount(source: str, target: str | Path, kind: str, flags: int = 0, data: str = "") -> None:
    texts = [os.fsencode(text) for text in (str(source), str(target), kind, data)]
    if _LIBC.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]):
        reason = os.strerror(ctypes.get_errno())
        raise _UnsupportedError(f"{kind or source} cannot be mounted in a user namespace here ({reason})")


if __name__ == "__main__":
    main()
