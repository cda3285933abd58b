"""Heat maps: the places of a photo that are evidence for a class, in Keras and in the file."""

from functools import partial
from typing import Any

import numpy as np

from edgetl.core.heat_maps.overlay import draw_heat_map
from edgetl.core.heat_maps.records import FILE, FILE_OWN, KERAS, HeatMaps, MappedPhoto, name_heat_maps_stage
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.core.storage.arrays import read_array

# Three or four pictures each.
_MOST_CHANGED, _MOST_DIFFERENT, _SIDE = 24, 3, 96
_TITLES = {"broke": "broke", "fixed": "was fixed", "differs": "wrong in another way"}


def collect_heat_maps(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:
    """Collect the photos that changed and those whose maps differ most; None without heat maps of this file."""
    finished = read_finished_stage(run.root / name_heat_maps_stage(target.result.target), HeatMaps)
    # A build that was stopped may have left the maps of an earlier file.
    if finished is None or finished.record.artifact_sha256 != target.result.sha256:
        return None
    return show_heat_maps(run, target, finished.record, read_array(finished.record.path))


def show_heat_maps(run: RunFacts, target: TargetFacts, record: HeatMaps, maps: np.ndarray) -> dict[str, Any]:
    """Return the values of the section.

    Args:
        run: what is known of the run.
        target: what is known of the target.
        record: of its heat maps.
        maps: float32 [photos, 3, height, width], see `HeatMaps`.
    """
    if record.reason:
        return {"reason": record.reason, "method": target.result.method}
    changed = [index for index, photo in enumerate(record.photos) if photo.kind != "same"]
    different = record.list_most_different(_MOST_DIFFERENT)
    correlations = np.array([photo.correlation for photo in record.sample])
    return {
        "reason": "",
        "method": target.result.method,
        "grid": f"{maps.shape[2]} x {maps.shape[3]}",
        "sampled": len(correlations),
        "total": record.total,
        "mean": record.mean_correlation,
        "lowest": float(correlations.min()),
        "below": int((correlations < 0.9).sum()),
        "different": [_show_photo(run, record.photos[index], maps[index]) for index in different],
        "changed": [_show_photo(run, record.photos[index], maps[index]) for index in changed[:_MOST_CHANGED]],
        "changed_total": record.changed,
    }


def _show_photo(run: RunFacts, photo: MappedPhoto, maps: np.ndarray) -> dict[str, Any]:
    # The same colours for both models: those of the range in Keras.
    bounds = float(maps[KERAS].min()), float(maps[KERAS].max())
    own = float(maps[FILE_OWN].min()), float(maps[FILE_OWN].max())
    pictures = [("Keras", photo.label, KERAS, bounds), ("file", photo.label, FILE, bounds)]
    if photo.file_label != photo.label:
        pictures.append(("file", photo.file_label, FILE_OWN, own))
    shown = run.show(photo.row, _SIDE)
    return {
        "shown": shown,
        "kind": _TITLES.get(photo.kind, ""),
        "correlation": photo.correlation,
        "pictures": [
            {
                "model": model,
                "label": run.classes[label],
                "uri": run.thumbnails.make(photo.row, _SIDE, partial(draw_heat_map, values=maps[place], bounds=ends)),
            }
            for model, label, place, ends in pictures
        ],
    }
