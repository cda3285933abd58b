"""The boards that can be emulated: which Debian, which packages, which wheels. Data, and nothing else."""

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
        name: how it is asked for.
        suite: of Debian, on which this Raspberry Pi OS is built.
        architecture: Debian's name for it.
        machine: what `uname -m` says there.
        cpu: what qemu pretends to be. Its default CPU is 4 to 10 times slower, by its pointer authentication.
        model: what the board calls itself. That it is emulated belongs to its name: nobody takes it for a real one.
        python: its Python, as pip wants to be told.
        platforms: pip's tags of the wheels that run there; pip compares them literally.
        packages: of Debian, without those that they need.
        wheels: what a bundle's requirements.txt names, versions as in tools/constraints.txt where it has them.
        wheels_need: whether what they need comes as wheels too.
        runtime: what a bundle's runtime.py imports there.
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
    wheels_need: bool = True
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
        # The last 32-bit runtime has no numpy and Pillow of its own on the index: they are Debian's.
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
            wheels_need=False,
            runtime="tflite_runtime.interpreter",
        ),
    )
}
