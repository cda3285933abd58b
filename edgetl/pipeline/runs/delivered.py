"""The file and the bundle of a finished run, read back for commands that only judge or measure them.

The bundle names the chosen file. The choice itself is not repeated: that may need files that a failed training would
have made.
"""

import shlex
from pathlib import Path

from edgetl.core.errors import ConfigError
from edgetl.core.formats import find_format
from edgetl.core.records import Artifact, Bundle
from edgetl.core.run.earlier_results import name_earlier
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.pipeline.delivery import name_bundle_stage
from edgetl.pipeline.pipeline import TargetPipeline
from edgetl.pipeline.runs.build_command import show_path


def find_artifact(part: TargetPipeline, method: str = "") -> Artifact:
    """Return the file of a method; without one, the file in the bundle.

    Raises:
        ConfigError: the file or the bundle is missing or out of date; the hint is the command that makes it.
    """
    if method:
        return part.selection.choose(method)
    return _find_bundled(part)[0]


def find_bundle(part: TargetPipeline, method: str = "") -> tuple[Artifact, Bundle]:
    """Return the bundle of a target and the file in it.

    Args:
        part: the pipeline of the target.
        method: the method that the bundle must contain; "" for any.

    Raises:
        ConfigError: the bundle is missing, contains an earlier model or another method; the hint is the command that
            makes it.
    """
    if not method:
        return _find_bundled(part)
    artifact = part.selection.choose(method)
    bundle = _read_bundle(part)
    if bundle.artifact_sha256 != artifact.sha256:
        raise ConfigError(
            f"the bundle for {part.target.id} contains {bundle.method}, not this run's {artifact.method}",
            where=(bundle.root,),
            hint=f"make it with: {_format_bundle_command(part, method)}",
        )
    return artifact, bundle


def _find_bundled(part: TargetPipeline) -> tuple[Artifact, Bundle]:
    # First: where the model itself is out of date, that is what the user must know.
    trained = part.model.trained
    bundle = _read_bundle(part)
    names = [name for name, sha256 in bundle.files.items() if sha256 == bundle.artifact_sha256]
    if not names:
        raise part.context.refuse(f"the bundle for {part.target.id} has no model file")
    artifact = part.files.make(find_format(Path(names[0])).name, bundle.method)
    if (bundle.artifact_sha256, trained.sha256) != (artifact.sha256, artifact.trained_sha256):
        raise part.context.refuse(
            f"the bundle for {part.target.id} is out of date: its {bundle.method} file (sha256 "
            f"{bundle.artifact_sha256[:12]}…) is not that of the current model ({artifact.sha256[:12]}…)"
        )
    return artifact, bundle


def _read_bundle(part: TargetPipeline) -> Bundle:
    """Read the bundle of any fingerprint: repeating a verdict changes the latencies in it, and no prediction."""
    folder = part.context.run.root / name_bundle_stage(part.target)
    finished = read_finished_stage(folder, Bundle)
    if finished is not None:
        return finished.record
    if name_earlier(folder).is_dir():
        raise part.context.refuse(
            f"the bundle for {part.target.id} contains an earlier model, see {name_earlier(folder)}"
        )
    state = "was changed or is incomplete" if folder.is_dir() else "does not exist"
    raise part.context.refuse(f"the bundle for {part.target.id} {state}")


def _format_bundle_command(part: TargetPipeline, method: str) -> str:
    words = ["edgetl", "bundle", str(show_path(part.context.run.root)), "--method", method]
    several = len(part.context.order.targets) > 1
    return shlex.join([*words, *(("--target", part.target.id) if several else ())])
