"""A file of a run folder → the thresholds and reference features that the run has for it, or why it has none.

A run sets thresholds for the file in the bundle of each target. A file by another method computes other features.
"""

from pathlib import Path

from edgetl.core.device.bundle_reading import ReferenceFeatures
from edgetl.core.records import Artifact
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.pipeline.order import load_order
from edgetl.pipeline.runs.build_command import show_path


def find_run_reference(run: Path, artifact: Artifact, target_id: str = "") -> tuple[ReferenceFeatures | None, str]:
    """Return the reference features of a file, and "", or None and the reason.

    Args:
        run: the run folder.
        artifact: a file of its model.
        target_id: the target whose thresholds are meant; "" for that of any target.
    """
    order = load_order(run)
    if not artifact.features:
        return None, _explain_no_features(run, artifact, recipe_features=order.recipe.answers.features)
    ids = [target_id] if target_id else [target.id for target in order.targets]
    stages = [read_finished_stage(run / f"answers-{name}", AnswerRule) for name in ids]
    rules = [stage.record for stage in stages if stage and stage.record.artifact_sha256 == artifact.sha256]
    if not rules:
        reason = "the run has thresholds for the file in its bundle only"
        target = f" --target {target_id}" if target_id and len(order.targets) > 1 else ""
        command = f"edgetl bundle {show_path(run)}{target} --method {artifact.method}"
        return None, f"{reason}; {command} sets those of this file, and bundles it"
    references = [_describe_rule(rule) for rule in rules]
    # Targets have thresholds of their own where their kernels differ.
    if any(reference.key() != references[0].key() for reference in references):
        return None, f"several targets have thresholds for this file; give {show_path(run)} with --method and --target"
    return references[0], ""


def _describe_rule(rule: AnswerRule) -> ReferenceFeatures:
    return ReferenceFeatures(
        path=rule.path,
        sha256=rule.sha256,
        least_similarities=rule.least_similarities,
        # Each of several labels has a threshold of its own, and no answer is unsure.
        least_probability=0.0 if rule.multi_label else rule.selective.threshold,
    )


def _explain_no_features(run: Path, artifact: Artifact, *, recipe_features: bool) -> str:
    reason = "the file does not output features"
    if not recipe_features:
        return f"{reason}: the run was built with --no-features"
    stage = read_finished_stage(run / f"features-{artifact.format}-{artifact.method}", Artifact)
    if stage is None:
        return f"{reason}; edgetl convert {show_path(run)} --method {artifact.method} makes the one that does"
    if stage.record.features:
        return f"{reason}; the one that does is that of {show_path(run)} with --method {artifact.method}"
    return f"{reason}: its network does not end in dense layers"
