"""A run folder, a bundle or a model file → the classifier that a user means. Nothing is trained, converted or run."""

from itertools import product
from pathlib import Path

from edgetl.core.device import bundle_reading
from edgetl.core.device.bundle_reading import Classifier
from edgetl.core.errors import ConfigError
from edgetl.core.formats import find_format
from edgetl.core.label_files.labels_file import read_labels
from edgetl.core.methods import find_method
from edgetl.core.records import Artifact, Bundle, Fit, InputSpec, Trained
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.core.storage.files import hash_file
from edgetl.pipeline.options import ClassifierOptions
from edgetl.pipeline.order import has_order, load_order
from edgetl.pipeline.usage import runtimes
from edgetl.pipeline.usage.run_reference import find_run_reference

# Stages with a model file of a run.
_FILE_STAGES = ("convert-", "features-")
_KINDS = "give a run folder, a bundle, or a .tflite or .onnx file"
_FITS: tuple[Fit, ...] = ("crop", "stretch", "pad")


def find_classifier(source: Path, choice: ClassifierOptions) -> Classifier:
    """Find the classifier in a run folder or a bundle, or describe a file.

    Raises:
        ConfigError: none of them, a bundle that was changed, a run without a bundle, or an option that does not apply.
    """
    if not source.exists():
        raise ConfigError("no such file or folder", where=(source,), hint=_KINDS)
    if source.is_dir() and has_order(source):
        _refuse_options("a run folder", labels=choice.labels, fit=choice.fit)
        return _read_run(source, choice)
    if source.is_dir() and bundle_reading.is_bundle(source):
        _refuse_options("a bundle", labels=choice.labels, fit=choice.fit, method=choice.method, target=choice.target)
        return bundle_reading.read_bundle(source)
    if source.is_dir():
        raise ConfigError("the folder is neither a run folder nor a bundle", where=(source,), hint=_KINDS)
    _refuse_options("a file", method=choice.method, target=choice.target)
    return _describe_file(source, choice)


def read_run_bundle(run: Path, target: str) -> Bundle:
    """Return the bundle of a run for one target.

    Raises:
        ConfigError: the run has none, it was changed, or its model was trained again meanwhile.
    """
    target_id = load_order(run).find_target(target).id
    finished = read_finished_stage(run / f"bundle-{target_id}", Bundle)
    if finished is None:
        raise ConfigError(
            f"the run has no finished bundle for {target_id}",
            where=(run,),
            hint=f"edgetl bundle {run} --target {target_id} makes it",
        )
    trained = read_finished_stage(run / "train", Trained)
    classifier = bundle_reading.read_bundle(finished.record.root)
    if trained is not None and classifier.trained_sha256 != trained.record.sha256:
        raise ConfigError(
            "the bundle is of an earlier model of this run",
            where=(finished.record.root,),
            hint=f"edgetl bundle {run} --target {target_id} makes it from the model of {run / 'train'}",
        )
    return finished.record


def _read_run(run: Path, choice: ClassifierOptions) -> Classifier:
    if not choice.method:
        return bundle_reading.read_bundle(read_run_bundle(run, choice.target).root)
    method, order = find_method(choice.method), load_order(run)
    target = order.find_target(choice.target)
    formats = target.accepts.formats
    trained = read_finished_stage(run / "train", Trained)
    # Without features, a file with them may be left of an earlier build.
    kinds = ("features", "convert") if order.recipe.answers.features else ("convert",)
    for format_name, kind in product(formats, kinds):
        artifact = read_finished_stage(run / f"{kind}-{format_name}-{method.name}", Artifact)
        if trained and artifact and artifact.record.trained_sha256 == trained.record.sha256:
            classifier = _describe_artifact(artifact.record, trained.record)
            return _add_reference(classifier, run, artifact.record, target.id)
    raise ConfigError(
        f"the run has no {' or '.join(formats)} file by {method.name} of its model",
        where=(run,),
        hint=f"edgetl convert {run} --method {method.name} makes it",
    )


def _describe_artifact(artifact: Artifact, trained: Trained) -> Classifier:
    return Classifier(
        path=artifact.path,
        format=artifact.format,
        sha256=artifact.sha256,
        classes=trained.classes,
        input=trained.input,
        base=trained.base,
        method=artifact.method,
        trained_sha256=trained.sha256,
        thresholds=trained.threshold_values,
    )


def _add_reference(classifier: Classifier, run: Path, artifact: Artifact, target_id: str = "") -> Classifier:
    reference, reason = find_run_reference(run, artifact, target_id)
    return classifier.model_copy(update={"reference": reference, "no_answers": reason})


def _describe_file(path: Path, choice: ClassifierOptions) -> Classifier:
    """Describe a model file: by the bundle or the run that it is in, or else by its own input and the options."""
    row = find_format(path)
    folder = path.absolute().parent
    # A file of a bundle is used with the facts of the bundle.
    if bundle_reading.is_bundle(folder) and path.name == f"model.{row.name}":
        _refuse_options("a file of a bundle", labels=choice.labels, fit=choice.fit)
        return bundle_reading.read_bundle(folder)
    artifact = read_finished_stage(folder, Artifact) if folder.name.startswith(_FILE_STAGES) else None
    trained = read_finished_stage(folder.parent / "train", Trained) if artifact else None
    if artifact and trained and artifact.record.trained_sha256 == trained.record.sha256:
        _refuse_options("a file of a run folder", labels=choice.labels, fit=choice.fit)
        classifier = _describe_artifact(artifact.record, trained.record)
        return _add_reference(classifier, folder.parent, artifact.record) if has_order(folder.parent) else classifier
    summary = runtimes.INSPECTORS[row.name].summarize_file(path)
    shape = summary.input.shape
    if len(shape) != 4 or shape[3] != 3 or min(shape) < 1:
        raise ConfigError(f"the model's input is {shape}, not one RGB photo of a fixed size", where=(path,))
    fit = next((fit for fit in _FITS if fit == (choice.fit or "crop")), None)
    if fit is None:
        raise ConfigError(f"--fit must be crop, stretch or pad, not {choice.fit!r}")
    units = summary.output.shape[-1]
    # One unit is the probability of the second of two classes.
    outputs = max(units, 2)
    classes = read_labels(choice.labels, outputs) if choice.labels else _number_classes(outputs)
    return Classifier(
        path=path.absolute(),
        format=row.name,
        sha256=hash_file(path),
        classes=classes,
        input=InputSpec(height_px=shape[1], width_px=shape[2], fit=fit),
    )


def _number_classes(outputs: int) -> tuple[str, ...]:
    return tuple(f"output {number}" for number in range(outputs))


def _refuse_options(kind: str, **options: object) -> None:
    """Refuse options that do not apply to this kind of source."""
    name = next((name for name, value in options.items() if value), "")
    if name:
        hint = "leave it out" if name in ("labels", "fit") else "it is for run folders"
        raise ConfigError(f"--{name} does not apply to {kind}, which says that itself", hint=hint)
