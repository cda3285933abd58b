"""The stages that everything else stands on: photos → Dataset → Trained, each made once in one run folder."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from edgetl import stages
from edgetl.core import bases, cache
from edgetl.core.console import Console
from edgetl.core.photos import dataset, photo_folder, segments
from edgetl.core.recipe import Recipe
from edgetl.core.records import Dataset, ExternalModelInfo, InputSpec, Record, Trained
from edgetl.core.report import tables as report_tables
from edgetl.core.runs import RunFolder, hash_file, installed_versions
from edgetl.pipeline.order import Order

R = TypeVar("R", bound=Record)


class ModelChain:
    """The stages of one order in one run folder up to its model, each run when something asks for its result."""

    def __init__(self, order: Order, run: RunFolder, console: Console) -> None:
        self.order = order
        self.run = run
        self.console = console

    @cached_property
    def dataset(self) -> Dataset:
        """The photos, scanned and decoded on every build: only so does a changed folder show."""
        root = self.order.photos or _embedded()
        photos = self.order.recipe.photos
        tree = photo_folder.scan_photos(root)
        with self.console.bar("photos", len(tree.files), "photos") as bar:
            split = dataset.SplitFractions(test=photos.test, validation=photos.validation)
            found = stages.ingest.ingest(tree, self.shape, split, progress=bar.advance)
        self.console.say(
            f"{len(found.train)} training, {len(found.validation)} validation and {len(found.test)} test photos "
            f"of {len(found.classes)} classes in {root}"
        )
        if found.left_out:
            self.console.table(*report_tables.tabulate_left_out(found))
        depends_on = {"dataset": found.to_json(root)}
        return self.stage("ingest", depends_on, lambda _: found, Dataset, title="")

    @property
    def shape(self) -> InputSpec:
        """What the model eats."""
        return InputSpec(side_px=self._side_px, fit=self.order.recipe.photos.fit)

    @cached_property
    def _side_px(self) -> int:
        own, base = self.order.recipe.external, self.order.recipe.base
        if not own.path:
            return base.side_px
        depends_on = {
            "model": hash_file(Path(own.path)),
            "libraries": installed_versions("keras", bases.requested_backend()),
        }
        return self.stage(
            "look", depends_on, lambda _: stages.adopt.inspect_external(own), ExternalModelInfo, title=""
        ).side_px

    @cached_property
    def trained(self) -> Trained:
        """The fine-tuned Keras model, or the one that was given."""
        bases.check_backend()
        if self.order.recipe.external.path:
            return self._adopted()
        recipe, data = self.order.recipe, self.dataset
        tables = recipe.tables()
        depends_on = {
            "recipe": {key: tables[key] for key in ("base", "head", "augment", "training", "phase1", "phase2")},
            "fit": recipe.photos.fit,
            "dataset": data.sha256,
            "weights": _weights_sha256(recipe),
            "libraries": installed_versions("keras", "numpy", bases.requested_backend()),
        }
        count = len(data.train)
        title = f"train {recipe.base.name} (alpha {recipe.base.alpha:g}, {recipe.base.side_px} px) on {count} photos"
        return self.stage(
            "train",
            depends_on,
            lambda folder: stages.train.train(data, recipe, folder, console=self.console),
            Trained,
            title=title,
        )

    def _adopted(self) -> Trained:
        recipe, data = self.order.recipe, self.dataset
        own = recipe.external
        depends_on = {
            "external": {"scaling": own.scaling, "model": hash_file(Path(own.path))},
            "labels": hash_file(Path(own.labels)) if own.labels else "",
            "fit": recipe.photos.fit,
            "dataset": data.sha256,
            "libraries": installed_versions("keras", "numpy", bases.requested_backend()),
        }
        return self.stage(
            "train",
            depends_on,
            lambda folder: stages.adopt.adopt_external(own, data, self.shape, folder, console=self.console),
            Trained,
            title=f"take {Path(own.path).name} as it is",
        )

    def stage(
        self, name: str, depends_on: Mapping[str, object], make: Callable[[Path], R], kind: type[R], *, title: str
    ) -> R:
        """The record of a stage, made now or read back; with a title, its making is told.

        Everything here comes of the photos' pixels, so what makes them is a part of every fingerprint.
        """

        def work(folder: Path) -> R:
            if not title:
                return make(folder)
            with self.console.step(title):
                return make(folder)

        return self.run.stage(name, {**depends_on, "pixels": segments.hash_pixel_code()}, work, kind).record


def _embedded() -> Path:
    """The embedded digits as a folder of PNGs, written on first use."""
    folder = cache.locate_cache() / "digits"
    if not folder.is_dir():
        stages.embedded.write(folder)
    return folder


def _weights_sha256(recipe: Recipe) -> str:
    """What the training starts from; published weights are fetched first, so that this says the same ever after."""
    path = bases.resolve_weights_path(recipe.base.name, recipe.base.alpha, recipe.base.weights)
    if path is not None and not path.is_file():
        stages.train.fetch_weights(recipe)
    return hash_file(path) if path is not None else recipe.base.weights
