"""The stages of the judges, by the names in `core.device.judges`, imported when they are called."""

from typing import Any

from edgetl.core.formats import JudgeName
from edgetl.core.run.lazy import LazyModule

# Each module has a function `score_artifact(work, artifact, photos) -> Scores`. Each is a module of its own, so that
# the fingerprint of its stage has the versions of its runtime alone.
JUDGE_STAGES: dict[JudgeName, Any] = {"tflm": LazyModule("edgetl.stages.judges.tflm")}
