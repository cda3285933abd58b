"""Artifact → the same artifact with its pooled features as a second output."""

from edgetl.core.errors import StageError
from edgetl.core.evaluation import sparsity
from edgetl.core.records import Artifact
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, read_regular
from edgetl.engines.backends import BACKENDS


def add_features(work: Workspace, artifact: Artifact) -> Artifact:
    """Write the model file with a second output.

    A network that does not end in dense layers has no pooled features. Its file stays as it is, and `features` is 0.
    """
    backend, path = BACKENDS[artifact.format], work.folder / artifact.path.name
    content = read_regular(artifact.path, LARGEST_MODEL_BYTES)
    try:
        features, content = backend.add_features(content)
    except StageError as error:
        work.console.say(f"  {error.message}: photos of other things are not recognized (--no-features)")
        features = 0
    path.write_bytes(content)
    return artifact.model_copy(
        update={
            "path": path,
            "features": features,
            "bytes": len(content),
            "gzip_bytes": sparsity.measure_gzip_bytes(content),
            "sha256": hash_file(path),
        }
    )
