#!/usr/bin/env python3
"""Measure how well the files of finished builds recognize photos of other things, and what that costs.

    python tools/measure_rejection.py RUN... --foreign NAME=DIR --foreign NAME=DIR

RUN is a run folder whose photos are still in the cache. Nothing is trained or converted. Each delivered file with
features predicts the training, validation and test photos and those of every DIR, in its runtime, on its fast kernels.
The photos of DIR, in any layout, are of other things; `--most` of each are used, evenly drawn. The scores are:

- largest probability;
- energy: the logarithm of the sum of the exponentials of the logits, without the temperature;
- similarity to the 10th nearest of all training photos;
- similarity to the reference features of the bundle.

For each score, a photo is rejected below the conformal threshold at `--reject-own` of the validation photos. The area
under the ROC curve compares test photos with photos of other things.

Bytes and times: the second output is removed from a copy of the file, and both are run in turn on one thread; the ratio
of processor times is the median over the rounds. The time of an answer is that of numpy in answers.py of a bundle.
"""

import argparse
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics
from edgetl.core.formats import FORMATS
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import DecodedPixels, Pixels
from edgetl.core.records import Artifact, Dataset, InputSpec, Trained
from edgetl.core.rejection.drawn_photos import draw_images, shuffle_patches
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.core.storage.arrays import read_array
from edgetl.core.verdict_records import Verdict
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from tools.errors import report_errors
from tools.rejection_scores import Head, Outputs, References, compute_scores, judge_scores
from tools.results_files import Row, add_write_option, check_machine, write_rows
from tools.second_output import measure_cost, time_answers
from tools.tables import rejection
from tools.tables.rejection import TABLE_KEYS

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"}
_DRAWN_PHOTOS = 200
_ANSWERS = Path(__file__).resolve().parents[1] / "targets" / "common" / "answers.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveredFile:
    """A delivered file of a run, with its records.

    Attributes:
        name: of the run and the file, as in "flowers5, int8 TFLite".
        run: name of the run folder.
        artifact: the file.
        rule: its thresholds.
        dataset: the photos of the run.
        trained: the model.
        verdicts: on the file, of the test photos.
    """

    name: str
    run: str
    artifact: Artifact
    rule: AnswerRule
    dataset: Dataset
    trained: Trained
    verdicts: tuple[Verdict, ...]

    def predict(self, photos: Pixels) -> Outputs:
        """Predict photos in the runtime of the file, on its fast kernels."""
        kernels = FORMATS[self.artifact.format].fast_kernels
        both = BACKENDS[self.artifact.format].predict_features(self.artifact.path, photos, kernels, lambda _: None)
        return Outputs(scores=metrics.expand_sigmoid(both.scores), features=both.features)


def main() -> None:
    """Measure, print, and write."""
    options = _parse_options()
    if options.write:
        for name in TABLE_KEYS:
            check_machine(options.write / f"{name}.jsonl")
    tables: dict[str, list[Row]] = {name: [] for name in TABLE_KEYS}
    for run in options.runs:
        for file in read_delivered(run):
            print(f"{file.name} …", file=sys.stderr, flush=True)
            for name, rows in _measure(file, options).items():
                tables[name] += [{"file": file.name, **row} for row in rows]
    for name, rows in tables.items():
        print(f"\n{name}\n\n{rejection.RENDERERS[name](rows)}")
        if options.write:
            write_rows(options.write / f"{name}.jsonl", rows, TABLE_KEYS[name])


def read_delivered(run: Path) -> Iterator[DeliveredFile]:
    """Yield the files of a run that have thresholds.

    Raises:
        ConfigError: there are none, or the run is not finished.
    """
    dataset, trained = _read(run / "ingest", Dataset), _read(run / "train", Trained)
    artifacts = _read_all(run, Artifact)
    rules = _read_all(run, AnswerRule)
    if not rules:
        raise ConfigError("no file of the run has thresholds", where=(run,), hint="build it without --no-features")
    for rule in rules:
        # A stage of an earlier version may have the same file without features.
        artifact = next(one for one in artifacts if one.sha256 == rule.artifact_sha256 and one.features)
        verdicts = [one for one in _read_all(run, Verdict) if one.artifact_sha256 == artifact.sha256]
        yield DeliveredFile(
            name=f"{run.name}, {artifact.method} {FORMATS[artifact.format].title}",
            run=run.name,
            artifact=artifact,
            rule=rule,
            dataset=dataset,
            trained=trained,
            verdicts=tuple(one for one in verdicts if one.part == "test"),
        )


def _read(folder: Path, kind: type[Any]) -> Any:
    finished = read_finished_stage(folder, kind)
    if finished is None:
        raise ConfigError("not a finished run", where=(folder,), hint="build it to its end first")
    return finished.record


def _read_all(run: Path, kind: type[Any]) -> list[Any]:
    stages = [read_finished_stage(folder, kind) for folder in sorted(run.iterdir()) if folder.is_dir()]
    return [stage.record for stage in stages if stage is not None]


def _measure(file: DeliveredFile, options: argparse.Namespace) -> dict[str, list[Row]]:
    spec = file.trained.input
    parts = {
        part: file.predict(pixel_store.open_pixels([photo.sha256 for photo in file.dataset.part(part)], spec))
        for part in ("train", "validation", "test")
    }
    references = References(
        training=parts["train"].features, bundle=read_array(file.rule.path), heads=tuple(_read_heads(file.trained))
    )
    scores = {part: compute_scores(outputs, references) for part, outputs in parts.items()}
    foreign = {
        name: compute_scores(file.predict(photos), references)
        for name, photos in _open_foreign(file, options.foreign, options.most)
    }
    rows = judge_scores(scores["validation"], scores["test"], foreign, options.reject_own)
    photo = pixel_store.open_pixels([file.dataset.test[0].sha256], spec).rows([0])[0]
    cost = {
        **measure_cost(file.artifact.path, file.artifact.format, photo, options.rounds),
        "reference_bytes": file.rule.path.stat().st_size,
        "reference_rows": file.rule.rows,
        "features": file.artifact.features,
        "answer_us": time_answers(_make_answer(file), parts["test"].features[:_DRAWN_PHOTOS]),
    }
    near = [{"class": row.title, **row.model_dump(exclude={"title"})} for row in file.rule.near]
    return {"rejection": rows, "near": near, "answers": _describe_rule(file), "features_cost": [cost]}


def _read_heads(trained: Trained) -> Iterator[Head]:
    """Yield the head of a model that edgetl has trained; nothing for one made elsewhere."""
    layers = {layer.name: layer for layer in keras_model.load_model(trained.path).layers}
    if "scores" in layers and "pooling" in layers:
        names = [name for name in ("hidden", "scores") if name in layers]
        weights = [tuple(np.asarray(value, np.float64) for value in layers[name].get_weights()) for name in names]
        yield Head(layers=tuple((kernel, bias) for kernel, bias in weights), temperature=trained.temperature)


def _open_foreign(file: DeliveredFile, folders: Mapping[str, Path], most: int) -> Iterator[tuple[str, Pixels]]:
    """Yield name and pixels of each set of other things, without one's own photos."""
    spec, dataset = file.trained.input, file.dataset
    own = {photo.sha256 for photo in (*dataset.train, *dataset.validation, *dataset.test)}
    for name, root in folders.items():
        sha256s = [sha256 for sha256 in _store_photos(root, spec) if sha256 not in own]
        if sha256s:
            rows = metrics.sample_evenly(len(sha256s), most)
            yield name, pixel_store.open_pixels([sha256s[row] for row in rows], spec)
    drawn = draw_images(_DRAWN_PHOTOS, spec.height_px, spec.width_px, 1)
    yield "drawn images", DecodedPixels(drawn, spec)
    test = pixel_store.open_pixels([photo.sha256 for photo in dataset.test], spec)
    rows = metrics.sample_evenly(len(test), _DRAWN_PHOTOS)
    yield "shuffled patches of test photos", DecodedPixels(shuffle_patches(test.rows(rows), 1), spec)


def _store_photos(root: Path, spec: InputSpec) -> list[str]:
    """Decode the photos in a folder and all folders below it; return the sha256 of the usable ones, each once."""
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix.lower() in _SUFFIXES)
    facts = pixel_store.fill_pixel_store(root, paths, spec, progress=lambda _: None)
    return list(dict.fromkeys(photo.sha256 for photo in facts if not photo.problem))


def _make_answer(file: DeliveredFile) -> Any:
    """Return a function from features to the answer of answers.py."""
    specification = importlib.util.spec_from_file_location("answers", _ANSWERS)
    assert specification is not None and specification.loader is not None
    program = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(program)
    facts = {
        "answers": {
            "least_probability": file.rule.selective.threshold,
            "least_similarities": file.rule.least_similarities,
        }
    }
    thresholds = program.Thresholds(facts, read_array(file.rule.path))
    share = 1 / len(file.trained.classes)
    probabilities = dict.fromkeys(file.trained.classes, share)
    return lambda features: thresholds.answer(probabilities, features)


def _describe_rule(file: DeliveredFile) -> list[Row]:
    rule, own = file.rule, file.rule.own
    row = {
        "photos": own.photos,
        "known": own.known,
        "answered": own.answered,
        "wrong": own.wrong,
        "right_without": own.right_without,
        "error_limit": rule.selective.error_limit,
        "error_bound": rule.selective.error_bound,
        "certified": rule.selective.certified,
        "temperature": file.trained.temperature,
    }
    for verdict in file.verdicts[:1]:
        row |= {table.title.replace(" ", "_"): table.calibration_error for table in verdict.reliability}
    return [row]


def _parse_foreign(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR with an existing folder")
    return name, Path(folder)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--foreign", action="append", type=_parse_foreign, default=[], metavar="NAME=DIR")
    parser.add_argument("--reject-own", type=float, default=0.05)
    parser.add_argument("--most", type=int, default=1000, help="photos of each DIR at most (default: 1000)")
    parser.add_argument("--rounds", type=int, default=101)
    add_write_option(parser)
    options = parser.parse_args()
    options.foreign = dict(options.foreign)
    return options


if __name__ == "__main__":
    with report_errors():
        main()
