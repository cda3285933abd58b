"""One foreign library, one file. Their environment is set here, before any of them is imported, and nowhere else."""

import os

# 3 keeps TensorFlow's C++ to fatal messages; what it still says goes to the run's log.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Without this TensorFlow claims all of a GPU's memory and starves a second framework in the same process.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# The same sums in the same order, so that two builds give the same bytes. Source: tensorflow/core/util/determinism.cc.
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
