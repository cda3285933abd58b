"""Engines: each package or file here wraps one heavy library. This file sets the environment variables of all of them.

They are set before any of the libraries is imported, and nowhere else. A value that the user has set is kept.
"""

import os

# 3 limits TensorFlow's C++ log to fatal messages.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# By default TensorFlow allocates all memory of a GPU, and a second framework in the same process gets none.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# TensorFlow then adds numbers in a fixed order, so that two builds give the same bytes.
# Source: tensorflow/core/util/determinism.cc.
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
# onnxruntime 1.32 can send usage data to its maker. edgetl sends nothing anywhere.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# MLflow is used with --mlflow only, and reports its use to its makers unless this is set.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Ray reports its use to its makers unless this is set.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Ray 2.60 warns that later versions hide no GPU from tasks that ask for none. None of the tasks here uses one then.
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
