"""An estimate of the latency on a Cortex-M: published latencies of other networks, scaled by multiplications and clock.

It is a range and not a measurement. The cycles of a multiplication depend on the layer, the kernels, the compiler and
the memory: flash with wait states and external RAM are slower.
"""

from collections.abc import Collection
from dataclasses import dataclass

from edgetl.core.device.target_schema import DeviceTable


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedLatency:
    """A published latency of an int8 network.

    Attributes:
        core: the processor, as in `[device] cpu` of a target.
        board: what was measured.
        kernels: the library that computed.
        network: its name.
        multiplications: of one photo.
        clock_hz: of the core.
        ms: of one photo.
        source: where it is published.
    """

    core: str
    board: str
    kernels: str
    network: str
    multiplications: int
    clock_hz: int
    ms: float
    source: str

    @property
    def cycles_per_multiplication(self) -> float:
        """Cycles of a photo, divided by its multiplications."""
        return self.ms / 1000 * self.clock_hz / self.multiplications


# The networks of MLPerf Tiny: MobileNet 0.25 at 96 px with two classes ("visual wake words"), and ResNet-8 at 32 px
# ("image classification"). The multiplications are those of their convolutions and dense layers.
_MOBILENET, _RESNET = ("MobileNet 0.25 at 96 px", 7_489_664), ("ResNet-8 at 32 px", 12_501_632)
# That of ST's model zoo, with five classes.
_MOBILENET_V2 = ("MobileNetV2 0.35 at 128 px", 18_947_072)
_RESULTS = "https://github.com/mlcommons/tiny_results_"
_CMSIS_NN = "CMSIS-NN"
_CUBE = "STM32Cube.AI, the runtime of ST"

# Seconds of so many photos, as MLPerf's runner prints them, give the milliseconds of one.
PUBLISHED: tuple[PublishedLatency, ...] = tuple(
    PublishedLatency(
        core=core,
        board=board,
        kernels=kernels,
        network=network[0],
        multiplications=network[1],
        clock_hz=clock_hz,
        ms=ms,
        source=source,
    )
    for core, board, kernels, network, clock_hz, ms, source in (
        (
            *("Cortex-M4", "NUCLEO-L4R5ZI", _CMSIS_NN, _MOBILENET, 120_000_000, 301.22),
            f"{_RESULTS}v1.0, closed/OctoML/results/microtvm_cmsis_nn/NUCLEO_L4R5ZI/vww",
        ),
        (
            *("Cortex-M4", "NUCLEO-L4R5ZI", _CMSIS_NN, _RESNET, 120_000_000, 389.55),
            f"{_RESULTS}v1.0, closed/OctoML/results/microtvm_cmsis_nn/NUCLEO_L4R5ZI/ic",
        ),
        (
            *("Cortex-M33", "nRF5340 DK", _CMSIS_NN, _MOBILENET, 128_000_000, 232.04),
            f"{_RESULTS}v1.0, closed/OctoML/results/microtvm_cmsis_nn/NRF5340-DK/vww",
        ),
        (
            *("Cortex-M33", "nRF5340 DK", _CMSIS_NN, _RESNET, 128_000_000, 316.18),
            f"{_RESULTS}v1.0, closed/OctoML/results/microtvm_cmsis_nn/NRF5340-DK/ic",
        ),
        (
            *("Cortex-M33", "EK-RA6M4", _CMSIS_NN, _MOBILENET, 200_000_000, 162.36),
            f"{_RESULTS}v0.7, closed/renesas/results/EK-RA6M4/vww",
        ),
        (
            *("Cortex-M33", "EK-RA6M4", _CMSIS_NN, _RESNET, 200_000_000, 246.20),
            f"{_RESULTS}v0.7, closed/renesas/results/EK-RA6M4/ic",
        ),
        # No published latency with CMSIS-NN was found for this core.
        (
            *("Cortex-M7", "NUCLEO-H7A3ZI-Q", _CUBE, _MOBILENET, 280_000_000, 50.705),
            f"{_RESULTS}v1.0, closed/STMicroelectronics/results/NUCLEO-H7A3ZI-Q/vww",
        ),
        (
            *("Cortex-M7", "STM32H747I-DISCO", _CUBE, _MOBILENET_V2, 400_000_000, 94.34),
            "https://github.com/STMicroelectronics/stm32ai-modelzoo, image_classification/mobilenetv2/README.md",
        ),
        (
            *("Cortex-M85", "EK-RA8D1", _CMSIS_NN, _MOBILENET, 480_000_000, 13.393),
            f"{_RESULTS}v1.2, closed/Renesas/results/EK-RA8D1/vww",
        ),
    )
)


def estimate_latency(device: DeviceTable | None, multiplications: int) -> tuple[float, float] | None:
    """Estimate the milliseconds of a photo, from the fastest and the slowest published latency of the core.

    Args:
        device: of the target.
        multiplications: of one photo.

    Returns:
        The two ends of the range, or None for a core without a published latency.
    """
    rows = find_published(device)
    if device is None or not rows:
        return None
    cycles = [row.cycles_per_multiplication * multiplications for row in rows]
    return min(cycles) / device.clock_hz * 1000, max(cycles) / device.clock_hz * 1000


def find_published(device: DeviceTable | None) -> list[PublishedLatency]:
    """Return the published latencies of the core of a device."""
    return [row for row in PUBLISHED if device is not None and row.core == device.cpu]


def format_latency(device: DeviceTable | None, multiplications: int) -> str:
    """Format the estimate in two digits, as in "280 … 360"; "" for a core without a published latency."""
    estimate = estimate_latency(device, multiplications)
    return "" if estimate is None else " … ".join(round_latency(ms) for ms in estimate)


def describe_latency(cores: Collection[str]) -> list[str]:
    """Name the sources of the estimates for some cores, in one sentence for each library."""
    rows = [row for row in PUBLISHED if row.core in cores]
    lines = []
    for kernels in dict.fromkeys(row.kernels for row in rows):
        names = ", ".join(dict.fromkeys(row.core for row in rows if row.kernels == kernels))
        boards = ", ".join(dict.fromkeys(row.board for row in rows if row.kernels == kernels))
        lines.append(
            f"milliseconds, an estimate and not a measurement: for {names}, published latencies of {kernels} on "
            f"{boards}, scaled by multiplications and clock"
        )
    return lines


def round_latency(ms: float) -> str:
    """Round an estimate to two digits: more would be a precision that the estimate does not have."""
    digits = len(str(int(ms))) if ms >= 1 else 0
    return f"{round(ms, 2 - digits):.{max(0, 2 - digits)}f}"
