"""Which networks fit into the memory of a microcontroller: an estimate from measured networks.

The table has the int8 files of networks with random weights, five classes and 96 px, as tools/measure_micro.py
measures them. The tensors of a network grow with the square of the side; the rest of the arena, and the file, do not.
"""

from dataclasses import dataclass

from edgetl.core.microcontroller.arena import round_up
from edgetl.core.records import Artifact
from edgetl.core.rejection.similarity import REFERENCE_PART

MEASURED_SIDE_PX = 96
# Sides that the bases are used with, the largest first.
_SIDES_PX = (224, 192, 160, 128, 96, 64, 48, 32)


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredNetwork:
    """A network, measured at 96 px.

    Attributes:
        base: its name in the table of bases.
        alpha: its width.
        model_bytes: size of the int8 file.
        head_bytes: bytes of the tensors in the arena.
        rest_bytes: bytes of the rest of the arena, scratch memory included.
    """

    base: str
    alpha: float
    model_bytes: int
    head_bytes: int
    rest_bytes: int

    def estimate_arena(self, side_px: int) -> int:
        """Estimate the arena at another side."""
        return round_up(self.head_bytes * side_px**2 // MEASURED_SIDE_PX**2) + self.rest_bytes


# Measured by tools/measure_micro.py --table.
NETWORKS: tuple[MeasuredNetwork, ...] = (
    MeasuredNetwork(base="mobilenet", alpha=0.25, model_bytes=294_080, head_bytes=73_728, rest_bytes=35_168),
    MeasuredNetwork(base="mobilenet", alpha=0.5, model_bytes=963_088, head_bytes=110_592, rest_bytes=61_664),
    MeasuredNetwork(base="mobilenet", alpha=0.75, model_bytes=2_024_544, head_bytes=165_888, rest_bytes=88_160),
    MeasuredNetwork(base="mobilenet", alpha=1.0, model_bytes=3_478_448, head_bytes=221_184, rest_bytes=114_656),
    MeasuredNetwork(base="mobilenet_v2", alpha=0.35, model_bytes=599_880, head_bytes=138_240, rest_bytes=79_152),
    MeasuredNetwork(base="mobilenet_v2", alpha=0.5, model_bytes=941_872, head_bytes=147_456, rest_bytes=99_600),
    MeasuredNetwork(base="mobilenet_v2", alpha=0.75, model_bytes=1_701_880, head_bytes=276_480, rest_bytes=136_304),
    MeasuredNetwork(base="mobilenet_v2", alpha=1.0, model_bytes=2_655_616, head_bytes=276_480, rest_bytes=170_512),
)


def count_flash_bytes(artifact: Artifact) -> int:
    """Return the constant data of a file on a microcontroller: the file, and at most its reference features."""
    return artifact.bytes + (artifact.bytes // REFERENCE_PART if artifact.features else 0)


def list_fitting(arena_bytes: int | None, flash_bytes: int | None, *, features: bool) -> list[tuple[str, float, int]]:
    """List base, alpha and largest side of each network that fits, the widest of a base first.

    Args:
        arena_bytes: largest arena; None for no limit.
        flash_bytes: largest constant data; None for no limit.
        features: whether the data contain reference features.
    """
    fitting = []
    for network in sorted(NETWORKS, key=lambda row: (row.base, -row.alpha)):
        flash = network.model_bytes + (network.model_bytes // REFERENCE_PART if features else 0)
        sides = [side for side in _SIDES_PX if arena_bytes is None or network.estimate_arena(side) <= arena_bytes]
        if sides and (flash_bytes is None or flash <= flash_bytes):
            fitting.append((network.base, network.alpha, sides[0]))
    return fitting


def advise_network(arena_bytes: int | None, flash_bytes: int | None, features: int) -> str:
    """Say which networks fit: of each base, the one with the most pixels times channels."""
    fitting = list_fitting(arena_bytes, flash_bytes, features=bool(features))
    if not fitting:
        return "by estimate, no network of MobileNet or MobileNetV2 fits"
    best: dict[str, tuple[float, int]] = {}
    for base, alpha, side in fitting:
        if base not in best or alpha * side > best[base][0] * best[base][1]:
            best[base] = (alpha, side)
    options = " or ".join(f"--base {base} --alpha {alpha:g} --side {side}" for base, (alpha, side) in best.items())
    return f"by estimate, these fit: {options}"
