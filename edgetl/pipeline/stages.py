"""The stages and engines that the pipeline calls, imported when they are called.

A build whose stages are all finished must load neither TensorFlow nor onnxruntime.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edgetl.core.formats import JudgeName
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.records import Scores
from edgetl.core.run.lazy import LazyModule

if TYPE_CHECKING:
    from edgetl.engines import digits, mlflow_store, object_storage, ray_cluster
    from edgetl.engines.browser import bench as browser_bench
    from edgetl.engines.charts import inspection_page
    from edgetl.engines.charts.comparison import comparison_page
    from edgetl.engines.charts.report import report_page
    from edgetl.engines.charts.sweep import sweep_page
    from edgetl.engines.keras import build as keras_build
    from edgetl.engines.keras.external import file_bounds
    from edgetl.stages import (
        adopt,
        answers,
        bench,
        bundle,
        calibrate,
        convert,
        deploy,
        retrain,
        score,
        train,
        translate,
    )
    from edgetl.stages.judges import compression, npu
    from edgetl.stages.pages import findings, heat_maps, inspect, robustness
    from edgetl.stages.sweep import assemble
else:
    digits = LazyModule("edgetl.engines.digits")
    keras_build = LazyModule("edgetl.engines.keras.build")
    file_bounds = LazyModule("edgetl.engines.keras.external.file_bounds")
    adopt = LazyModule("edgetl.stages.adopt")
    answers = LazyModule("edgetl.stages.answers")
    assemble = LazyModule("edgetl.stages.sweep.assemble")
    bench = LazyModule("edgetl.stages.bench")
    browser_bench = LazyModule("edgetl.engines.browser.bench")
    bundle = LazyModule("edgetl.stages.bundle")
    calibrate = LazyModule("edgetl.stages.calibrate")
    comparison_page = LazyModule("edgetl.engines.charts.comparison.comparison_page")
    compression = LazyModule("edgetl.stages.judges.compression")
    convert = LazyModule("edgetl.stages.convert")
    deploy = LazyModule("edgetl.stages.deploy")
    findings = LazyModule("edgetl.stages.pages.findings")
    heat_maps = LazyModule("edgetl.stages.pages.heat_maps")
    inspect = LazyModule("edgetl.stages.pages.inspect")
    inspection_page = LazyModule("edgetl.engines.charts.inspection_page")
    mlflow_store = LazyModule("edgetl.engines.mlflow_store")
    npu = LazyModule("edgetl.stages.judges.npu")
    object_storage = LazyModule("edgetl.engines.object_storage")
    ray_cluster = LazyModule("edgetl.engines.ray_cluster")
    report_page = LazyModule("edgetl.engines.charts.report.report_page")
    retrain = LazyModule("edgetl.stages.retrain")
    robustness = LazyModule("edgetl.stages.pages.robustness")
    score = LazyModule("edgetl.stages.score")
    sweep_page = LazyModule("edgetl.engines.charts.sweep.sweep_page")
    train = LazyModule("edgetl.stages.train")
    translate = LazyModule("edgetl.stages.translate")

# The stage of each judge: a function of workspace, artifact and photos. Each is in a module of its own, so that the
# fingerprint of its stage has the versions of its runtime alone.
JUDGE_STAGES: Mapping[JudgeName, Callable[..., Scores]] = {
    "browser": LazyModule("edgetl.stages.judges.browser").score_in_browser,
    "browser-onnx": LazyModule("edgetl.stages.judges.browser").score_in_browser,
    "tflm": LazyModule("edgetl.stages.judges.tflm").score_on_tflm,
}
# The stage that measures what a file needs in a judge, for those on devices with little memory.
MEMORY_STAGES: Mapping[JudgeName, Callable[..., MemoryUse]] = {
    "tflm": LazyModule("edgetl.stages.judges.memory").measure_memory,
}

__all__ = [
    "JUDGE_STAGES",
    "MEMORY_STAGES",
    "adopt",
    "answers",
    "assemble",
    "bench",
    "browser_bench",
    "bundle",
    "calibrate",
    "comparison_page",
    "compression",
    "convert",
    "deploy",
    "digits",
    "file_bounds",
    "findings",
    "heat_maps",
    "inspect",
    "inspection_page",
    "keras_build",
    "mlflow_store",
    "npu",
    "object_storage",
    "ray_cluster",
    "report_page",
    "retrain",
    "robustness",
    "score",
    "sweep_page",
    "train",
    "translate",
]
