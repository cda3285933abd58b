"""Photos → Dataset → Trained: the records that all files and verdicts of a run depend on, made on first use."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import cast

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.label_files.labels_file import name_outputs
from edgetl.core.network import bases, weights_download
from edgetl.core.photos import photo_folder
from edgetl.core.photos.dataset import assemble_dataset, use_model_classes
from edgetl.core.photos.groups.capture_times import read_capture_times
from edgetl.core.photos.groups.photo_groups import group_photos
from edgetl.core.photos.groups.rules import parse_group_rule
from edgetl.core.photos.groups.suggestion import suggest_group_rule
from edgetl.core.photos.parts import class_coverage, held_out
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.parts.exclusions import exclude_photos
from edgetl.core.photos.photo_folder import PhotoFolder
from edgetl.core.recipe.tables import BaseRecipe, TrainingTables
from edgetl.core.records import Dataset, ExternalModelInfo, InputSpec, Trained
from edgetl.core.report.group_lines import describe_groups
from edgetl.core.report.label_lines import describe_labels
from edgetl.core.report.training import describe_curves
from edgetl.core.run.fingerprint import FileContent
from edgetl.core.run.run_folder import StageSpec
from edgetl.core.storage import cache
from edgetl.core.storage.regular_files import check_regular
from edgetl.core.tasks.lesson import Lesson
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.execution.remote_photos import mirror_photos, name_url
from edgetl.pipeline.foreign import read_foreign_photos
from edgetl.pipeline.runs.build_command import format_build_command, format_changed_build
from edgetl.pipeline.runs.differences import list_photo_changes
from edgetl.pipeline.runs.left_out import explain_refusal, keep_left_out
from edgetl.pipeline.teaching.teacher import Classroom, make_teacher
from edgetl.stages.ingest import decode_folder

_INGEST, _TRAIN = "ingest", "train"
# Bundles of the model before. Whoever copies one to a device must see that it is not the current model.
_OUTDATED = "bundle-*"
# Outputs without photos that an error names.
_NAMED_OUTPUTS = 5


class Model:
    """The dataset and the trained model of one order."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._recipe = context.order.recipe

    @cached_property
    def folder(self) -> PhotoFolder:
        """The files of the photos by their names; none is opened.

        Raises:
            DataError: no folder of photos.
        """
        if self._context.order.photos is None:
            self._context.console.say("no PHOTOS given: the photos are scikit-learn's 1797 handwritten digits")
        order, photos = self._context.order, self._recipe.photos
        # Before the folder is read, which may take long.
        rule = parse_group_rule(photos.group_by) if photos.group_by else None
        root = order.photos or _locate_digits(self._context.console)
        if order.source and self._context.can_make(_INGEST):
            mirror_photos(order.source, root, self._context.console)
        if not self._context.can_make(_INGEST) and not root.exists():
            command = format_build_command(replace(order, photos=Path("PHOTOS")), self._context.run.root)
            hint = f"put them back, or name their new folder in place of PHOTOS: {command}"
            raise DataError("the photos of the run are not there any more", where=(root,), hint=hint)
        folders = []
        for path in (root, *([order.test] if order.test else [])):
            with explain_refusal(self._context.run.output, self._context.console), name_url(order):
                folder = photo_folder.scan_photos(
                    path,
                    layout=photos.layout,
                    label_from=photos.label_from,
                    multi_label=photos.multi_label,
                    label_separator=photos.label_separator,
                )
            if rule is not None:
                with self._context.console.wait(f"group the photos by {rule.text}"):
                    folder = group_photos(folder, path, rule)
            for note in folder.notes:
                self._context.console.say(note)
            folders.append(folder)
        folder = held_out.join_test_folder(*folders) if order.test else folders[0]
        return exclude_photos(folder, order.exclude) if order.exclude else folder

    @cached_property
    def dataset(self) -> Dataset:
        """The photos, scanned and decoded on every build: nothing else detects a changed folder.

        Raises:
            DataError: the photos cannot be used.
        """
        console = self._context.console
        # Not a stage, but a step that may take minutes.
        self._context.plan.begin("photos")
        # Before photos are decoded, which may take minutes.
        names = self._read_output_names()
        with explain_refusal(self._context.run.output, console), name_url(self._context.order):
            dataset = self._ingest(self.input_spec)
        more = f" of the {len(names)} of the model" if len(names) > len(dataset.classes) else ""
        console.say(
            f"{len(dataset.train)} training, {len(dataset.validation)} validation and {len(dataset.test)} test photos "
            f"of {len(dataset.classes)} {'labels' if dataset.multi_label else 'classes'}{more} in "
            f"{self._context.order.name_photos(self.folder.root)}"
            + (f" and {self._context.order.test}" if self._context.order.test else "")
        )
        for line in (*describe_labels(dataset), *describe_groups(dataset)):
            console.say(line)
        keep_left_out(dataset.left_out, self._context.run.output, console)
        if self._recipe.contract.measure == "balanced":
            # Now, and not by the verdict: training takes hours.
            class_coverage.check_balanced_parts(dataset)
        for line in class_coverage.describe_missing_classes(dataset):
            console.warn(line)
        # Outputs without photos are not judged, so no photos of them are missing.
        if more:
            dataset = use_model_classes(dataset, names)
        if not self._context.can_make(_INGEST):
            self._check_unchanged(dataset)
            return dataset
        self._suggest_groups(dataset)
        # Kept for the user, and for tools that read a run folder. Stages get the record itself.
        return self._context.keep(_INGEST, dataset)

    @cached_property
    def input_spec(self) -> InputSpec:
        """The input of the model.

        Raises:
            ConfigError: a model made elsewhere that cannot be used.
        """
        side_px, fit = self._recipe.base.side_px, self._recipe.photos.fit
        if self._recipe.external.path:
            info = self._external_info
            return InputSpec(height_px=info.height_px, width_px=info.width_px, fit=fit)
        return InputSpec(height_px=side_px, width_px=side_px, fit=fit)

    @cached_property
    def _external_info(self) -> ExternalModelInfo:
        external = self._recipe.external
        # Before TensorFlow is imported, which takes seconds, and before the files are hashed for the fingerprint.
        stages.file_bounds.check_container(Path(external.path))
        if external.labels:
            check_regular(Path(external.labels), "labels file")
        spec = StageSpec(name="inspect", record=ExternalModelInfo)
        return self._context.run_stage(spec, stages.adopt.inspect_external, Path(external.path))

    @cached_property
    def trained(self) -> Trained:
        """The fine-tuned Keras model, or the model made elsewhere.

        Raises:
            ConfigError, DataError, StageError: see the stages `train` and `adopt`.
        """
        bases.check_backend()
        base = self._recipe.base
        weights = None if self._recipe.external.path else self._prepare_training()
        # Last: decoding the photos takes minutes.
        dataset = self.dataset
        if self._recipe.external.path:
            title = f"take {Path(self._recipe.external.path).name} as it is"
            spec = StageSpec(name=_TRAIN, record=Trained, title=title, outdates=_OUTDATED)
            return self._context.run_stage(
                spec, stages.adopt.adopt_external, self._recipe.external, dataset, self.input_spec
            )
        title = f"train {base.name} (alpha {base.alpha:g}, {base.side_px} px) on {len(dataset.train)} photos"
        spec = StageSpec(name=_TRAIN, record=Trained, title=title, outdates=_OUTDATED)
        tables = self._recipe.select(TrainingTables)
        if self._recipe.teacher.source:
            lesson = Lesson(dataset=dataset, input_spec=self.input_spec, teacher=self._make_teacher())
            trained = self._context.run_stage(spec, stages.train.train_student, lesson, tables, weights)
        else:
            trained = self._context.run_stage(spec, stages.train.train_model, dataset, self.input_spec, tables, weights)
        # Not for a training that was read back.
        if self._context.run.seconds.get(spec.name):
            self._context.console.say(describe_curves(trained.path.parent / "tensorboard"))
        return trained

    @cached_property
    def foreign(self) -> tuple[str, ...]:
        """The sha256 of the photos of other things, decoded; none without --foreign.

        Raises:
            DataError: the photos cannot be used.
        """
        return read_foreign_photos(self._context, self.dataset, self.input_spec)

    def _read_output_names(self) -> tuple[str, ...]:
        """Return the names of the outputs of a model made elsewhere; empty if they are those of the folders.

        Raises:
            ConfigError: see `name_outputs`; or a contract on balanced accuracy, and an output without photos.
        """
        external = self._recipe.external
        if not external.path:
            return ()
        outputs, classes = self._external_info.outputs, self.folder.classes
        # One sigmoid unit predicts two classes. Each of several labels has a unit.
        names = name_outputs(external.labels, outputs if self.folder.multi_label else max(2, outputs), self.folder)
        without = [name for name in names if name not in classes]
        if without and self._recipe.contract.measure == "balanced":
            more = f" and {len(without) - _NAMED_OUTPUTS} more" if len(without) > _NAMED_OUTPUTS else ""
            raise ConfigError(
                f"--contract balanced needs photos of all {len(names)} outputs of the model, and {len(without)} have "
                "none",
                where=(external.labels, self.folder.root),
                hint=f"add folders with photos of {', '.join(without[:_NAMED_OUTPUTS])}{more}, or leave out --contract "
                "balanced",
            )
        return names

    def _suggest_groups(self, dataset: Dataset) -> None:
        """Say which command groups the photos by a rule, where edgetl has found near duplicates itself."""
        order = self._context.order
        if order.recipe.photos.group_by:
            return
        rule = suggest_group_rule(dataset, lambda paths: bool(read_capture_times(dataset.root, paths)))
        if rule:
            photos = order.recipe.photos.model_copy(update={"group_by": rule})
            grouped = replace(order, recipe=order.recipe.model_copy(update={"photos": photos}))
            command = format_changed_build(grouped, self._context.run.root)
            self._context.console.say(f"to group photos by {rule} instead: {command}")

    def _make_teacher(self) -> Trained:
        decode, locate = self.decode_again, self.locate_weights
        room = Classroom(context=self._context, dataset=self.dataset, decode=decode, locate_weights=locate)
        return make_teacher(room)

    def decode_again(self, input_spec: InputSpec) -> None:
        """Decode the photos for another input than that of the model."""
        if input_spec != self.input_spec:
            self._ingest(input_spec)

    def _ingest(self, input_spec: InputSpec) -> Dataset:
        photos = self._recipe.photos
        split = SplitFractions(test=photos.test, validation=photos.validation)
        # Other machines do not have the mirror of a URL.
        executor = None if self._context.order.source else self._context.executor
        facts = decode_folder(self.folder, input_spec, self._context.console, executor)
        return assemble_dataset(self.folder, facts, split, duplicates=photos.near_duplicates)

    def _prepare_training(self) -> Path | None:
        """Check what needs no decoded photo, and return the file with the base's weights."""
        if not self._recipe.photos.multi_label:
            self._recipe.head.check_classes(len(self.folder.classes))
        return self.locate_weights()

    def _check_unchanged(self, dataset: Dataset) -> None:
        """Check that the photos are those of the build.

        Raises:
            ConfigError: names what changed. A photo that was added may be in another part than before, so that the
                model would be judged on photos that it was trained on.
        """
        before = self._context.read_kept(_INGEST, Dataset)
        if before.sha256 != dataset.sha256:
            changes = ", ".join(list_photo_changes(before, dataset))
            raise self._context.refuse(f"the photos changed since the build: {changes}")

    def locate_weights(self, base: BaseRecipe | None = None) -> Path | None:
        """Return the file with the weights of a base, by default of the order's; None for random ones.

        Published weights are downloaded first: the fingerprint of the training covers the content of the file.
        """
        base = base or self._recipe.base
        path = bases.resolve_weights_path(base.name, base.alpha, base.weights)
        if path is None or path.is_file():
            return path
        if not self._context.can_make(_TRAIN):
            # A finished run needs no weights. It may have been built by another user, or on another machine.
            known = self._context.read_stage_files(_TRAIN)
            if not known:
                # Where nothing was trained, that is what the user must know.
                self._context.read_kept(_TRAIN, Trained)
                raise self._context.refuse(f"the weights that the training started from are not here: {path}")
            # It reaches no training: this context makes none.
            return cast(Path, FileContent(known[0]))
        with self._context.console.wait(f"download the weights of {base.name}"):
            if base.weights == "imagenet":
                # Without a network this ends before Keras is imported.
                weights_download.check_download(base.name, base.alpha)
            return stages.keras_build.fetch_weights(base)


def _locate_digits(console: Console) -> Path:
    """Return the folder of scikit-learn's handwritten digits in the cache, written on first use."""
    folder = cache.locate_cache() / "digits"
    if not folder.is_dir():
        with console.wait("write the handwritten digits"):
            stages.digits.write_digits(folder)
    return folder
