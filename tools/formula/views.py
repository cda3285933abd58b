"""How each image of a batch is seen: pixel coordinates that are turned, zoomed and shifted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.formula.classes import Floats, Plan


@dataclass(frozen=True, slots=True)
class Views:
    """Coordinates of every pixel in the frame of the shape, about -1..1, and what they were made with.

    Attributes:
        x: float32 [images, side, side].
        y: float32 [images, side, side].
        turn: angle of each image, radians, float32 [images].
        zoom: factor of each image, float32 [images].
        shift: shift of each image, in half sides, float32 [images, 2].
    """

    x: Floats
    y: Floats
    turn: Floats
    zoom: Floats
    shift: Floats


def draw_views(plan: Plan, count: int, rng: np.random.Generator) -> Views:
    """Draw the views of so many images."""
    turn = np.deg2rad(plan.turn_deg * rng.standard_normal(count)).astype(np.float32)
    zoom = np.exp(rng.uniform(-plan.zoom, plan.zoom, count)).astype(np.float32)
    shift = rng.uniform(-plan.shift, plan.shift, (count, 2)).astype(np.float32) * 2
    # Centres of the pixels, -1..1.
    line = ((np.arange(plan.side_px, dtype=np.float32) + 0.5) / plan.side_px * 2 - 1).astype(np.float32)
    across, down = line[None, None, :] - to_planes(shift[:, 0]), line[None, :, None] - to_planes(shift[:, 1])
    cos, sin = to_planes(np.cos(turn) / zoom), to_planes(np.sin(turn) / zoom)
    return Views(cos * across + sin * down, cos * down - sin * across, turn, zoom, shift)


def to_planes(values: NDArray[Any]) -> Floats:
    """Reshape one number per image, [images], to float32 [images, 1, 1], which broadcasts over the pixels."""
    return values.astype(np.float32)[:, None, None]
