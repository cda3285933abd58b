"""The chosen files of an order → verdicts on the procedure that made them, from K more trainings and conversions.

The ordinary build fixes the method first. It is never chosen again: a choice on the pooled photos would bias the
verdict on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.core.device.targets import Target
from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.evaluation.procedure import JUDGED, ProcedureVerdict
from edgetl.core.photos.parts import duplicate_groups, folds
from edgetl.core.records import Artifact
from edgetl.core.run.run_folder import StageSpec
from edgetl.pipeline.context import Context
from edgetl.pipeline.cross_fit.fold import Fold
from edgetl.pipeline.model import Model
from edgetl.stages.cross_fit import CrossFitRequest, judge_folds


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenFile:
    """A target and the file that the ordinary build chose for it."""

    target: Target
    artifact: Artifact


def run_cross_fit(context: Context, model: Model, chosen: Sequence[ChosenFile]) -> tuple[ProcedureVerdict, ...]:
    """Train and convert every fold of the order, and return a verdict on the procedure for each chosen file.

    The features of the frozen layers are cached by photo, so a fold computes only those that no training before it
    has computed.

    Raises:
        DataError: too few photos for so many folds.
        StageError: training or conversion of a fold failed.
    """
    count = context.order.cross_fit
    photos = folds.list_all_photos(model.dataset)
    sha256s = [photo.sha256 for photo in photos]
    # Groups of the dataset come first: those of a fixed camera are bursts, whose photos are near duplicates throughout.
    groups = (
        number_groups([photo.group for photo in photos])
        if any(photo.group for photo in photos)
        else duplicate_groups.group_near_duplicates(duplicate_groups.read_thumbnails(sha256s, model.input_spec))
    )
    datasets = folds.make_folds(model.dataset, groups, count, context.order.recipe.training.seed)
    methods = " and ".join(dict.fromkeys(file.artifact.method for file in chosen))
    context.console.say(
        f"cross-fit judges {JUDGED}: {count} more trainings with conversion to {methods}, so that each of "
        f"{len(photos)} photos is predicted once by a file that was not made from it"
    )
    # One list of scores for each fold, in the order of the chosen files. All files of a fold share its training.
    scores = [
        [fold.score(file.target, file.artifact) for file in chosen]
        for fold in (
            Fold(context, dataset, model.input_spec, number, count) for number, dataset in enumerate(datasets, 1)
        )
    ]
    contract = context.order.recipe.contract
    return tuple(
        context.run_stage(
            StageSpec(name=f"crossfit-{file.target.id}", record=ProcedureVerdict),
            judge_folds,
            CrossFitRequest(target=file.target.id, method=file.artifact.method, folds=tuple(row)),
            contract,
        )
        for file, row in zip(chosen, zip(*scores, strict=True), strict=True)
    )
