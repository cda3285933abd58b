"""Counts of paired predictions by class → the drop of balanced accuracy with its bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from edgetl.core.evaluation.balanced.mean_bounds import compute_correction, compute_quantile, find_upper_bound


@dataclass(frozen=True, slots=True)
class BalancedCounts:
    """Counts of paired predictions of each class. Photos of different classes are independent.

    Attributes:
        broke: of each class, photos that only the reference predicts correctly.
        fixed: of each class, photos that only the artifact predicts correctly.
        class_photos: all photos of each class, above 0. Fractions come from a forecast with more photos.
        design_effect: from `class_design_effect.measure_class_design_effect` if photos are in groups, else 1.
    """

    broke: tuple[float, ...]
    fixed: tuple[float, ...]
    class_photos: tuple[float, ...]
    design_effect: float = 1.0

    @property
    def photos(self) -> float:
        """The number of all photos."""
        return sum(self.class_photos)

    @property
    def drop(self) -> float:
        """The observed drop: the mean over classes of (broke - fixed) / photos, -1..1."""
        rows = zip(self.broke, self.fixed, self.class_photos, strict=True)
        return sum((broke - fixed) / photos for broke, fixed, photos in rows) / len(self.class_photos)

    def compute_bounds(self, confidence: float) -> tuple[float, float]:
        """Compute the score bounds of the drop, each one-sided at `confidence`: see `mean_bounds.find_upper_bound`.

        Raises:
            ValueError: counts that are impossible, a class without photos, or a confidence out of range.
        """
        broke, fixed, photos = (np.array(counts, np.float64) for counts in (self.broke, self.fixed, self.class_photos))
        _check_counts(broke, fixed, photos)
        quantile = compute_quantile(confidence, self.design_effect)
        correction = compute_correction(photos, self.design_effect)
        # The lower bound of a drop is minus the upper bound of the drop in the opposite direction.
        return (
            -find_upper_bound(fixed, broke, photos, quantile, correction),
            find_upper_bound(broke, fixed, photos, quantile, correction),
        )

    def scale(self, photos: float) -> Self:
        """Return the counts of another number of photos with the same rates and the same shares of the classes."""
        factor = photos / self.photos

        def multiply(counts: Sequence[float]) -> tuple[float, ...]:
            return tuple(count * factor for count in counts)

        return type(self)(
            multiply(self.broke), multiply(self.fixed), multiply(self.class_photos), design_effect=self.design_effect
        )

    def spread_evenly(self) -> Self:
        """Return the counts of as many photos with the same rates, the same number of each class."""
        even = self.photos / len(self.class_photos)
        factors = [even / photos for photos in self.class_photos]
        broke = tuple(count * factor for count, factor in zip(self.broke, factors, strict=True))
        fixed = tuple(count * factor for count, factor in zip(self.fixed, factors, strict=True))
        return type(self)(broke, fixed, (even,) * len(factors), design_effect=self.design_effect)

    def without_changes(self) -> Self:
        """Return the counts of an artifact that predicts the same photos correctly as the reference."""
        nothing = (0.0,) * len(self.class_photos)
        return type(self)(nothing, nothing, self.class_photos, design_effect=self.design_effect)


def _check_counts(broke: np.ndarray, fixed: np.ndarray, photos: np.ndarray) -> None:
    if not len(photos) or not (photos > 0).all():
        raise ValueError(f"a balanced accuracy needs photos of every class, not {photos.tolist()}")
    if not ((broke >= 0) & (fixed >= 0) & (broke + fixed <= photos * (1 + 1e-9))).all():
        raise ValueError(
            f"{broke.tolist()} broken and {fixed.tolist()} fixed are impossible counts for {photos.tolist()} photos"
        )
