"""Artifact, photos and their scores → CompressedFile: the file with look-up tables, judged on every photo."""

import hashlib

import numpy as np

from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics
from edgetl.core.microcontroller.lookup_tables import CompressedFile
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import Artifact, Scores
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.arrays import read_array
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, read_regular
from edgetl.engines.tflm import compression, interpreter, memory


def compress_artifact(work: Workspace, artifact: Artifact, photos: PhotoSet, plain: Scores) -> CompressedFile:
    """Compress the weights of a file, and predict the photos with the compressed file.

    Args:
        work: the stage's folder and console.
        artifact: the plain file.
        photos: what `plain` is about.
        plain: scores of the plain file on TensorFlow Lite Micro.

    Raises:
        StageError: the compressed file does not run, or gives other scores.
    """
    content, tensors = compression.compress_content(read_regular(artifact.path, LARGEST_MODEL_BYTES))
    path = work.folder / "model.tflite"
    path.write_bytes(content)
    with work.console.bar("look-up tables, TensorFlow Lite Micro", len(photos.photos), "photos") as bar:
        predictions = interpreter.predict_on_tflm(path, photos.open_pixels(), bar.advance)
    scores = metrics.expand_sigmoid(predictions.scores).astype(np.float32)
    if not np.array_equal(scores, read_array(plain.path)):
        raise StageError("the file with look-up tables gives other scores than the plain file", where=(path,))
    return CompressedFile(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        artifact_sha256=artifact.sha256,
        artifact_bytes=artifact.bytes,
        tensors=tensors,
        tested_bytes=memory.measure_arena(path)[1],
        photos=len(photos.photos),
    )
