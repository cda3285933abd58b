"""What is known of the photos of a build, which its report shows first: its own findings, or those of an inspection."""

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from edgetl.core.errors import StageError
from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.inspection.findings import BuildFindings, Inspection
from edgetl.core.inspection.photo_findings import FINDINGS_STAGE, PhotoFindings, combine_findings
from edgetl.core.inspection.report_section import list_shown_rows
from edgetl.core.inspection.request import FindingsRequest
from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.photos.parts.folds import list_all_photos
from edgetl.core.records import Dataset, InputSpec
from edgetl.core.run.run_folder import StageSpec, read_finished_stage
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.pages.inspection import INSPECTION_STAGE, PAGE_FILE, locate_inspection
from edgetl.pipeline.pages.pictures import open_thumbnails
from edgetl.pipeline.pipeline import Pipeline

_INGEST = "ingest"
# Of the pictures of the section, which is the first: the others have what remains of the page.
INSPECTED_BYTES = 600_000


def add_findings(pipeline: Pipeline) -> BuildFindings | None:
    """Look into the photos of a build as a stage of its run.

    None if a library fails: the report lacks them then, and the build is complete.
    """
    context, dataset = pipeline.context, pipeline.model.dataset
    photos = list_all_photos(dataset)
    request = FindingsRequest(
        dataset=dataset,
        groups=tuple(number_groups([photo.group for photo in photos]).tolist()),
        input_spec=pipeline.model.trained.input,
        scores=(pipeline.scores.score_reference("validation"), pipeline.scores.score_reference("test")),
    )
    spec = StageSpec(name=FINDINGS_STAGE, record=BuildFindings, title=f"look into {len(photos)} photos")
    try:
        return context.run_stage(spec, stages.findings.collect_build_findings, request)
    except StageError as error:
        context.console.warn(f"the report has no findings about the photos: {error.message}")
        return None


def read_findings(context: Context, dataset: Dataset) -> PhotoFindings:
    """Read what is known of the photos of a run: an inspection of the same photos, or the findings of the build.

    The inspection is the one beside the run folder, or the one that `edgetl inspect` writes without --out.

    Args:
        context: of the run.
        dataset: the photos of the run.
    """
    usual = locate_inspection(context.order)
    for folder in (context.run.root.resolve().parent / usual.name, usual):
        inspected = read_finished_stage(folder / INSPECTION_STAGE, Inspection)
        photos = read_finished_stage(folder / _INGEST, Dataset)
        if inspected and photos and _has_same_photos(photos.record, dataset):
            findings = combine_findings(dataset, inspected.record)
            page = folder.resolve() / PAGE_FILE
            return replace(findings, link=_format_link(page, context.run.output)) if page.is_file() else findings
    built = read_finished_stage(context.run.root / FINDINGS_STAGE, BuildFindings)
    return combine_findings(dataset, built.record if built else None)


def open_inspected_thumbnails(
    context: Context, findings: PhotoFindings, photos: tuple[Dataset, InputSpec]
) -> Thumbnails:
    """Open those photos that the section of the findings shows: a `Thumbnails` by the rows of all photos."""
    rows = list_shown_rows(findings)
    place_of = {row: place for place, row in enumerate(rows)}
    thumbnails, _ = open_thumbnails(context, [findings.photos[row] for row in rows], photos)
    return thumbnails.select(place_of.__getitem__, INSPECTED_BYTES)


def _has_same_photos(first: Dataset, second: Dataset) -> bool:
    """Return whether rows mean the same photos with the same labels. The parts may be others."""
    return first.classes == second.classes and list_all_photos(first) == list_all_photos(second)


def _format_link(page: Path, folder: Path) -> str:
    """Format the address of a page, relative to the folder of another page."""
    try:
        relative = os.path.relpath(page, folder.resolve())
    except ValueError:
        # Another drive.
        return page.as_uri()
    # The prefix keeps a colon in a name from being the scheme of an address.
    return quote(f"./{Path(relative).as_posix()}")
