"""How often the chosen files of two targets predict the same for a test photo."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from edgetl.core.records import Artifact
from edgetl.core.storage.arrays import read_array
from edgetl.core.tasks.task import make_task
from edgetl.pipeline.pipeline import TargetPipeline


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Comparison of the chosen files of two targets.

    Attributes:
        targets: ids of the two targets.
        photos: number of test photos.
        same: number of photos for which both files predict the same class, or decide all labels alike.
    """

    targets: tuple[str, str]
    photos: int
    same: int


def compare_targets(chosen: Sequence[tuple[TargetPipeline, Artifact]]) -> tuple[Agreement, ...]:
    """Compare the chosen file of each target with those of the others, on the test photos."""
    if len(chosen) < 2:
        return ()
    model = chosen[0][0].model
    photos = len(model.dataset.test)
    # One row of decisions a photo: its class, or all labels.
    task = make_task(model.trained.threshold_values)
    predicted = {
        part.target.id: task.decide(read_array(part.delivery.score(artifact, "test").path)).reshape(photos, -1)
        for part, artifact in chosen
    }
    return tuple(
        Agreement(
            targets=(left, right), photos=photos, same=int((predicted[left] == predicted[right]).all(axis=1).sum())
        )
        for left, right in combinations(predicted, 2)
    )
