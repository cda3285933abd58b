"""The boards that can be emulated: Debian release, packages and wheels of each. Data only."""

from dataclasses import dataclass

_PACKAGES = (
    "base-files",
    "base-passwd",
    "dash",
    "bash",
    "coreutils",
    "sed",
    "grep",
    "findutils",
    "tar",
    "util-linux",
    "libc-bin",
    "python3",
    "python3-venv",
    "libstdc++6",
    "openssh-server",
    "openssh-client",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """A board.

    Attributes:
        name: its name on the command line.
        suite: Debian release on which its Raspberry Pi OS is built.
        architecture: Debian's name of the architecture.
        machine: output of `uname -m`.
        cpu: CPU that qemu emulates. qemu's default CPU is 4 to 10 times slower, because of pointer authentication.
        model: name in its device tree. It contains "emulated", so that no benchmark passes for one of a real board.
        python: version of its Python, in the form of `pip download --python-version`.
        platforms: pip's platform tags of the wheels that run on it; pip compares them literally.
        packages: Debian packages, without their dependencies.
        wheels: packages in a bundle's requirements.txt; versions come from tools/constraints.txt.
        with_dependencies: whether the dependencies of the wheels are downloaded as wheels too.
        runtime: module that a bundle's runtime.py imports.
    """

    name: str
    suite: str
    architecture: str
    machine: str
    cpu: str
    model: str
    python: str
    platforms: tuple[str, ...]
    packages: tuple[str, ...]
    wheels: tuple[str, ...]
    with_dependencies: bool = True
    runtime: str = "ai_edge_litert.interpreter"


_PI_4 = "Raspberry Pi 4 Model B, emulated"
_AARCH64 = (
    "manylinux2014_aarch64",
    "manylinux_2_17_aarch64",
    "manylinux_2_26_aarch64",
    "manylinux_2_27_aarch64",
    "manylinux_2_28_aarch64",
)
_RUNTIMES = ("numpy", "pillow", "ai-edge-litert", "onnxruntime")

BOARDS = {
    board.name: board
    for board in (
        Board(
            name="bookworm",
            suite="bookworm",
            architecture="arm64",
            machine="aarch64",
            cpu="cortex-a72",
            model=_PI_4,
            python="3.11",
            platforms=_AARCH64,
            packages=_PACKAGES,
            wheels=_RUNTIMES,
        ),
        Board(
            name="trixie",
            suite="trixie",
            architecture="arm64",
            machine="aarch64",
            cpu="cortex-a72",
            model=_PI_4,
            python="3.13",
            platforms=_AARCH64,
            packages=_PACKAGES,
            wheels=_RUNTIMES,
        ),
        # The index has no armv7 wheels of numpy and Pillow for this Python, so they are Debian packages.
        Board(
            name="armv7",
            suite="bookworm",
            architecture="armhf",
            machine="armv7l",
            cpu="cortex-a7",
            model="Raspberry Pi 2 Model B, emulated",
            python="3.11",
            platforms=("manylinux2014_armv7l", "manylinux_2_17_armv7l", "manylinux_2_34_armv7l", "linux_armv7l"),
            packages=(*_PACKAGES, "python3-numpy", "python3-pil"),
            wheels=("tflite-runtime==2.14.0",),
            with_dependencies=False,
            runtime="tflite_runtime.interpreter",
        ),
    )
}
