"""A compiler and an emulator for Cortex-M: Debian packages, unpacked into the cache and never installed."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.emulation.debian import unpack_programs
from tools.emulation.store import EmulationError, cache_folder, locate_cached_folder

_SUITE = "bookworm"
_PACKAGES = ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm")
_KEY = [_SUITE, *_PACKAGES]
_NAME = "microcontroller"
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-pedantic")
# The stack grows from the end of the RAM down. _exit of newlib ends the emulator by semihosting.
_STARTUP = """
extern void _start(void);
void _init(void);
void _fini(void);
void _init(void) {}
void _fini(void) {}
static void reset(void) {
  *(volatile unsigned *)0xE000ED88u |= 0xFu << 20; /* CPACR: the floating-point unit is off after a reset. */
  _start();
}
__attribute__((section(".vectors"), used)) void (*const vectors[])(void) = {(void (*)(void))0x20200000u, reset};
"""
_LINKER_SCRIPT = """
MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = 4M RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 2M }
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.init) *(.fini) *(.rodata*) } > FLASH
  .ARM.exidx : { *(.ARM.exidx*) } > FLASH
  .data : { *(.data*) } > RAM AT > RAM
  .bss : { __bss_start__ = .; *(.bss*) *(COMMON) __bss_end__ = .; } > RAM
  end = .;
  __end__ = .;
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Core:
    """A core: options of gcc, and the board that qemu emulates it on; "" where the linker script is for another map."""

    name: str
    options: tuple[str, ...]
    board: str = ""


CORES = (
    Core(name="Cortex-M4", options=("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"), board="mps2-an386"),
    Core(name="Cortex-M7", options=("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard"), board="mps2-an500"),
    Core(name="Cortex-M33", options=("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard")),
    Core(name="Cortex-M55", options=("-mcpu=cortex-m55", "-mfloat-abi=hard")),
)


def prepare_tools() -> Path:
    """Return the folder of the tools, which is filled on first use.

    Raises:
        EmulationError: this machine has no apt, or no Debian mirror.
    """
    return cache_folder(_NAME, _KEY, lambda folder: unpack_programs(folder, _SUITE, _PACKAGES))


def find_tools() -> Path:
    """Return the folder of the tools.

    Raises:
        EmulationError: they are not prepared.
    """
    folder = locate_cached_folder(_NAME, _KEY)
    if not folder.is_dir():
        raise EmulationError("the tools for microcontrollers are not prepared: tools/emulate prepare --microcontroller")
    return folder


def compile_sources(folder: Path, core: Core, sources: Sequence[str | Path], output: Path, *options: str) -> None:
    """Compile sources for a core; a warning is an error. Options of the linker may follow the sources.

    Raises:
        EmulationError: the compiler reports something.
    """
    command: list[str | Path] = [
        folder / "usr" / "bin" / "arm-none-eabi-gcc",
        *("-mthumb", *core.options, "-O2", *WARNINGS),
        *("-isystem", folder / "usr" / "include" / "newlib"),
        *options,
        *("-o", output),
        *sources,
    ]
    _run(folder, command)


def link_program(folder: Path, core: Core, sources: Sequence[Path], work: Path, *options: str) -> Path:
    """Compile sources with a start-up and link them to a program that qemu runs; return it."""
    startup, script, program = work / "startup.c", work / "memory.ld", work / f"{core.name}.elf"
    startup.write_text(_STARTUP, encoding="ascii")
    script.write_text(_LINKER_SCRIPT, encoding="ascii")
    root = folder / "usr" / "lib" / "arm-none-eabi" / "newlib"
    found = _run(
        folder,
        [folder / "usr" / "bin" / "arm-none-eabi-gcc", "-mthumb", *core.options, "-print-multi-directory"],
    )
    library = root / found.strip()
    linker = (
        *("-nostartfiles", f"-L{library}", f"-T{script}", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"),
        *("-Wl,--start-group", "-lc", "-lm", "-lgcc", "-lrdimon", "-Wl,--end-group"),
    )
    compile_sources(folder, core, [*sources, startup, library / "rdimon-crt0.o", *linker], program, *options)
    return program


def measure_size(folder: Path, program: Path) -> tuple[int, int]:
    """Return the bytes of flash and of RAM of an object or a program: text and data, and data and bss."""
    lines = _run(folder, [folder / "usr" / "bin" / "arm-none-eabi-size", program]).splitlines()
    text, data, bss = map(int, lines[1].split()[:3])
    return text + data, data + bss


def run_program(folder: Path, core: Core, program: Path) -> str:
    """Run a program on an emulated core; return what it prints.

    Raises:
        EmulationError: the emulator fails, or does not end within a minute.
    """
    command: list[str | Path] = [
        folder / "usr" / "bin" / "qemu-system-arm",
        *("-M", core.board, "-nographic", "-monitor", "none", "-serial", "none"),
        *("-semihosting-config", "enable=on,target=native"),
        *("-L", folder / "usr" / "share" / "qemu", "-kernel", program),
    ]
    return _run(folder, command)


def _run(folder: Path, command: Sequence[str | Path]) -> str:
    libraries = [folder / "usr" / "lib" / "x86_64-linux-gnu", *sorted((folder / "usr" / "lib").glob("x86*/*/"))]
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}
    if shutil.which(str(command[0])) is None:
        raise EmulationError(f"{command[0]} is missing")
    try:
        program = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=False, env=environment, timeout=60
        )
    except subprocess.TimeoutExpired as error:
        raise EmulationError(f"{Path(command[0]).name} did not end within {error.timeout} s") from error
    if program.returncode:
        raise EmulationError(f"{Path(command[0]).name}: {program.stderr.strip() or program.stdout.strip()}")
    return program.stdout
