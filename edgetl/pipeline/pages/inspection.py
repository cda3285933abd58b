"""Options → an inspection of the photos in a folder of its own. Nothing in the folder of photos is changed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.inspection.findings import Inspection
from edgetl.core.inspection.request import InspectionRequest
from edgetl.core.inspection.suspects_file import SUSPECTS_FILE, format_suspects
from edgetl.core.photos.parts.exclusions import name_exclusion
from edgetl.core.photos.parts.folds import list_all_photos
from edgetl.core.records import Dataset, Photo
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.run.run_folder import StageSpec, make_folder_name
from edgetl.core.storage.files import write_text
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, read_regular
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.model import Model
from edgetl.pipeline.options import InspectOptions, TrainOptions
from edgetl.pipeline.order import Order, has_order
from edgetl.pipeline.orders import make_order
from edgetl.pipeline.runs.build_command import format_changed_build
from edgetl.pipeline.workspace import open_workspace

_PARENT = Path("edgetl-runs")
INSPECTION_STAGE, PAGE_FILE = "inspection", "inspection.html"
# The hash of the list that edgetl wrote: another content was edited by the user, and is not replaced.
_HASH_FILE = "suspects.sha256"
_NEW_SUSPECTS_FILE = "suspects-new.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspected:
    """Results of an inspection.

    Attributes:
        root: the folder of the inspection.
        dataset: the photos.
        inspection: the findings.
        suspects: suspects.csv, or suspects-new.csv beside one that the user has edited.
        page: the page with all findings.
        build_command: the build without the photos in suspects.csv.
    """

    root: Path
    dataset: Dataset
    inspection: Inspection
    suspects: Path
    page: Path
    build_command: str

    @property
    def photos(self) -> tuple[Photo, ...]:
        """The photos, in the order of their rows."""
        return list_all_photos(self.dataset)


@contextmanager
def open_inspection(options: InspectOptions, out: Path | None, *, quiet: bool) -> Iterator[Context]:
    """Yield the context of an inspection.

    Args:
        options: photos and network.
        out: the folder of the inspection; None for one in edgetl-runs.
        quiet: whether the console shows warnings and errors only.

    Raises:
        ConfigError: an impossible option, or the folder is inside the photos or is that of a build.
        DataError: the photos are not a folder of photos.
    """
    order = make_order(TrainOptions(**{field.name: getattr(options, field.name) for field in fields(InspectOptions)}))
    root = out or locate_inspection(order)
    if has_order(root):
        hint = "choose another folder with --out: the build would not find its photos again"
        raise ConfigError("this is the run folder of a build", where=(root,), hint=hint)
    for photos in (order.photos, order.test):
        if photos and root.resolve().is_relative_to(photos.resolve()):
            hint = "give a folder elsewhere with --out: nothing is written among photos"
            raise ConfigError("the folder of the inspection would be inside the photos", where=(root,), hint=hint)
    with open_workspace(root, quiet=quiet) as (run, console):
        yield Context(order=order, run=run, console=console)


def run_inspection(context: Context) -> Inspected:
    """Inspect the photos, and write suspects.csv.

    Raises:
        ConfigError: weights that do not fit or cannot be downloaded.
        DataError: the photos cannot be used.
        StageError: a library failed.
    """
    model = Model(context)
    weights = model.locate_weights()
    dataset = model.dataset
    photos = list_all_photos(dataset)
    request = InspectionRequest(
        dataset=dataset,
        groups=tuple(number_groups([photo.group for photo in photos]).tolist()),
        input_spec=model.input_spec,
        base=context.order.recipe.base,
    )
    spec = StageSpec(name=INSPECTION_STAGE, record=Inspection, title=f"inspect {len(photos)} photos")
    inspection = context.run_stage(spec, stages.inspect.inspect_photos, request, weights)
    excluded = _list_excluded(context.order, model)
    suspects = _write_suspects(context, format_suspects(inspection, photos, excluded))
    command = format_changed_build(replace(context.order, exclude=suspects), context.run.root)
    words = {
        "title": name_photos(context.order),
        "suspects_file": str(suspects),
        "command": command,
        "version": installed_version("edgetl"),
    }
    with context.console.wait("write the page"):
        page = stages.inspection_page.write_inspection_page(
            context.run.root / PAGE_FILE, inspection, dataset, model.input_spec, words
        )
    return Inspected(
        root=context.run.root,
        dataset=dataset,
        inspection=inspection,
        suspects=suspects,
        page=page,
        build_command=command,
    )


def locate_inspection(order: Order) -> Path:
    """Return the folder of the inspection of the photos of an order, unless another one is named."""
    return _PARENT / make_folder_name(name_photos(order), "inspection")


def name_photos(order: Order) -> str:
    """Return the name of the photos of an order: that of their folder, or of their list."""
    return order.photos.resolve().name.removesuffix(".csv") if order.photos else "digits"


def _list_excluded(order: Order, model: Model) -> list[str]:
    """List the paths that --exclude has left out."""
    if order.exclude is None:
        return []
    reason = name_exclusion(order.exclude)
    return [file.path for file in model.folder.left_out if file.reason == reason]


def _write_suspects(context: Context, text: str) -> Path:
    """Write suspects.csv. One that the user has edited stays, and the new list is beside it."""
    root = context.run.root
    path, mark = root / SUSPECTS_FILE, root / _HASH_FILE
    if path.exists() and text.encode() != read_regular(path, LARGEST_RECORD_BYTES):
        known = read_regular(mark, LARGEST_RECORD_BYTES).decode("utf-8", "replace") if mark.exists() else ""
        if hashlib.sha256(read_regular(path, LARGEST_RECORD_BYTES)).hexdigest() != known:
            context.console.warn(f"{path} was edited and is kept: the new list is {_NEW_SUSPECTS_FILE} beside it")
            write_text(root / _NEW_SUSPECTS_FILE, text)
            return root / _NEW_SUSPECTS_FILE
    write_text(path, text)
    write_text(mark, hashlib.sha256(text.encode()).hexdigest())
    return path
