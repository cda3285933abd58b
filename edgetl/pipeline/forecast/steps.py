"""An order and a run folder → the steps that a build is expected to run, and how long they took the last time."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import ladder
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.heat_maps.records import name_heat_maps_stage
from edgetl.core.inspection.photo_findings import FINDINGS_STAGE
from edgetl.core.methods import Method, find_method
from edgetl.core.run.durations import read_durations
from edgetl.core.screen.step_plan import PlannedStep, StepPlan
from edgetl.pipeline.order import Order, has_order, load_order


def plan_steps(order: Order, root: Path) -> StepPlan:
    """Plan the steps of a build: those of a ladder that ends at its first file, unless all methods are ordered.

    The durations are those of a build with the same photos and recipe in the same folder. With another recipe they
    would be wrong.
    """
    durations_s = read_durations(root)
    steps = [PlannedStep("photos"), PlannedStep("train")]
    steps += [step for target in order.targets for step in _list_steps(order, target)]
    steps.append(PlannedStep(FINDINGS_STAGE))
    # Several targets share stages: each is run once.
    certain = {step.pattern: step.certain for step in reversed(steps)}
    planned = [
        # A step that was finished in this folder may be read back.
        PlannedStep(pattern, certain[pattern] and not any(fnmatchcase(name, pattern) for name in durations_s))
        for pattern in dict.fromkeys(step.pattern for step in steps)
    ]
    return StepPlan(planned, durations_s if _has_same_recipe(order, root) else {})


def _has_same_recipe(order: Order, root: Path) -> bool:
    if not has_order(root):
        return False
    try:
        before = load_order(root)
    except ConfigError:
        # The build replaces an order that cannot be read. Its durations are those of an unknown recipe.
        return False
    return (before.photos, before.recipe) == (order.photos.absolute() if order.photos else None, order.recipe)


def _list_steps(order: Order, target: Target) -> Iterator[PlannedStep]:
    files = _list_files(order, target)
    if not files:
        return
    # A pinned method is one file. The ladder may go on, and methods that cannot help are skipped.
    certain = bool(order.method) and len(files) == 1 and ladder.list_variants(order.method) == (order.method,)
    for format_name, method in files:
        kernels = target.choose_kernels(format_name)
        yield from (PlannedStep(name, certain) for name in _list_conversion(format_name, method))
        for name in ("score-keras-validation", f"score-{format_name}-{method.name}-{kernels}-validation"):
            yield PlannedStep(name, certain)
    format_name = files[0][0]
    row, kernels = FORMATS[format_name], target.choose_kernels(format_name)
    chosen = files[0][1].name if certain else "*"
    yield PlannedStep("score-keras-test")
    yield PlannedStep(f"score-{format_name}-{chosen}-{kernels}-test")
    # The ledger compares with float32, and on reference kernels a few photos or all.
    if chosen != "float32":
        yield PlannedStep(f"convert-{format_name}-float32", certain)
        yield PlannedStep(f"score-{format_name}-float32-{row.fast_kernels}-test", certain)
    judge = target.find_judge(format_name)
    if judge is not None:
        # Without its packages, an optional judge is left out.
        yield PlannedStep(f"score-{format_name}-{chosen}-{judge.name}-test", not judge.explain_absence())
    if kernels != "reference":
        yield PlannedStep(f"score-{format_name}-{chosen}-reference-test*")
    if order.recipe.answers.features:
        yield PlannedStep(f"answers-{target.id}")
    yield PlannedStep(f"bundle-{target.id}")
    yield PlannedStep(name_heat_maps_stage(target.id))


def _list_files(order: Order, target: Target) -> list[tuple[FormatName, Method]]:
    """List format and method of the files that are tried whatever the results: the first of the ladder, or all."""
    pinned = order.method if not order.all_methods else ""
    files = [
        (format_name, find_method(variant))
        for name in ([pinned] if pinned else target.accepts.methods)
        # Files that need training are made on request, and of a model made elsewhere never.
        if pinned or find_method(name).retraining in ({""} if order.recipe.external.path else {"", "qat"})
        for format_name in target.accepts.formats
        if format_name in find_method(name).formats
        for variant in ladder.list_variants(name)
    ]
    return files if order.all_methods else files[:1]


def _list_conversion(format_name: FormatName, method: Method) -> Iterator[str]:
    if method.retraining:
        yield f"retrain-{method.retraining}"
    if FORMATS[format_name].translated and method.retraining != "qat":
        yield f"translate-{format_name}-{method.retraining}" if method.retraining else f"translate-{format_name}"
    if method.uses_shared_ranges:
        yield f"calibrate-{format_name}-more" if method.more_photos else f"calibrate-{format_name}"
    yield f"convert-{format_name}-{method.name}"
