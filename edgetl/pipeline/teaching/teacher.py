"""The teacher of an order: a base that is trained first, the model of a finished run, or a .keras file → Trained."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgetl.core.errors import ConfigError
from edgetl.core.network.base_table import BASES
from edgetl.core.recipe.tables import BaseRecipe, ExternalRecipe
from edgetl.core.recipe.teacher_source import make_teacher_recipe
from edgetl.core.records import Dataset, ExternalModelInfo, InputSpec, Trained
from edgetl.core.run.run_folder import StageSpec, read_finished_stage
from edgetl.core.tasks.teacher_check import check_teacher_classes, check_teacher_photos
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context

_TEACHER = "teacher"


@dataclass(frozen=True, kw_only=True, slots=True)
class Classroom:
    """What a teacher is made from.

    Attributes:
        context: of the order.
        dataset: photos of the student.
        decode: decodes the photos for another input.
        locate_weights: returns the file with the weights of a base.
    """

    context: Context
    dataset: Dataset
    decode: Callable[[InputSpec], None]
    locate_weights: Callable[[BaseRecipe], Path | None]


def make_teacher(room: Classroom) -> Trained:
    """Return the teacher of an order, with the photos decoded for its input.

    Raises:
        ConfigError: no such base, run or file; or a teacher that may not teach, see `core.tasks.teacher_check`.
        StageError: its training failed.
    """
    context = room.context
    if not context.can_make("train"):
        # The run or the file may not be there any more.
        return context.read_kept(_TEACHER, Trained)
    source = context.order.recipe.teacher.source
    path = Path(source)
    if source in BASES:
        teacher = _train_base(room)
    elif path.is_dir():
        teacher = _take_run(room, path)
    else:
        teacher = _adopt_file(room, path)
    room.decode(teacher.input)
    return teacher


def _train_base(room: Classroom) -> Trained:
    tables = make_teacher_recipe(room.context.order.recipe)
    base = tables.base
    weights = room.locate_weights(base)
    spec = InputSpec(height_px=base.side_px, width_px=base.side_px, fit=room.context.order.recipe.photos.fit)
    room.decode(spec)
    title = (
        f"train the teacher {base.name} (alpha {base.alpha:g}, {base.side_px} px) on {len(room.dataset.train)} photos"
    )
    stage = StageSpec(name=_TEACHER, record=Trained, title=title)
    return room.context.run_stage(stage, stages.train.train_model, room.dataset, spec, tables, weights)


def _take_run(room: Classroom, run: Path) -> Trained:
    trained, seen = read_finished_stage(run / "train", Trained), read_finished_stage(run / "ingest", Dataset)
    if trained is None or seen is None:
        raise ConfigError(
            "--teacher is a folder without a finished training",
            where=(run,),
            hint="name the run folder of a finished build, a .keras file, or a base",
        )
    _check(room, trained.record, run)
    known = check_teacher_photos(seen.record, room.dataset, run)
    if known:
        room.context.console.warn(
            f"--teacher was trained on {known} of the {len(room.dataset.validation)} validation photos: what they "
            "show is better than on new photos"
        )
    stage = StageSpec(name=_TEACHER, record=Trained)
    return room.context.run_stage(stage, stages.train.keep_teacher, trained.record)


def _adopt_file(room: Classroom, path: Path) -> Trained:
    context = room.context
    stages.file_bounds.check_container(path)
    info = context.run_stage(
        StageSpec(name="inspect-teacher", record=ExternalModelInfo), stages.adopt.inspect_external, path
    )
    spec = InputSpec(height_px=info.height_px, width_px=info.width_px, fit=context.order.recipe.photos.fit)
    room.decode(spec)
    stage = StageSpec(name=_TEACHER, record=Trained, title=f"take {path.name} as the teacher")
    trained = context.run_stage(stage, stages.adopt.adopt_external, ExternalRecipe(path=str(path)), room.dataset, spec)
    _check(room, trained, path)
    context.console.warn(
        f"it is not recorded which photos {path.name} was trained on: if test photos are among them, their results are "
        "not those of new photos"
    )
    return trained


def _check(room: Classroom, trained: Trained, place: Path) -> None:
    check_teacher_classes(trained, room.dataset, room.context.order.recipe.head.activation, place)
