"""An untrained network → Trained: latency and bytes of its file are those of the trained one."""

from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.records import Dataset, InputSpec, Trained
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.core.tasks.label_threshold import LabelThreshold
from edgetl.core.tasks.task import make_task
from edgetl.engines.keras import build
from edgetl.engines.keras import model as keras_model


def assemble_untrained(work: Workspace, dataset: Dataset, input_spec: InputSpec, recipe: TrainingTables) -> Trained:
    """Write a network with random weights as model.keras. Its predictions mean nothing.

    Args:
        work: folder and console.
        dataset: decides the number of classes or labels; no photo is read.
        input_spec: input of the model.
        recipe: network, head and seed.

    Raises:
        ConfigError: a head that does not fit the number of classes.
    """
    keras_model.reset_keras(recipe.training.seed)
    thresholds = tuple(_make_threshold(name) for name in dataset.classes) if dataset.multi_label else ()
    task = make_task([row.value for row in thresholds]) if thresholds else None
    model = build.assemble_model(recipe.base, recipe.head, len(dataset.classes), None, task)
    build.spread_activations(model)
    path = work.folder / "model.keras"
    keras_model.save_model(model, path)
    return Trained(
        path=path,
        sha256=hash_file(path),
        base=recipe.base.name,
        alpha=recipe.base.alpha,
        weights="none",
        input=input_spec,
        classes=dataset.classes,
        activation=recipe.head.activation,
        parameters=int(model.count_params()),
        phases=(),
        dataset_sha256=dataset.sha256,
        backend=keras_model.get_backend(),
        device=keras_model.get_device(),
        precision="float32",
        thresholds=thresholds,
    )


def _make_threshold(name: str) -> LabelThreshold:
    return LabelThreshold(name=name, value=0.5, photos=0, chosen=False)
