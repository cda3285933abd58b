"""Trains a base on formula images, for a time or a number of epochs, with checkpoints. Out: base.npz and base.json."""

import argparse
import hashlib
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.machine import read_processor_name
from tools.formula.classes import Plan
from tools.formula.images import draw_shard
from tools.formula.pool import Pool, PoolSettings

_CHECKPOINT, _SETTINGS, _LOG = "checkpoint.weights.h5", "settings.json", "log.jsonl"
_BASE, _FACTS = "base.npz", "base.json"
# Number of a shard that no training reaches.
_TEST_SHARD = 10**9
_TEST_IMAGES = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Hyperparameters:
    """How the base is trained. `warm_up` is a fraction of the training, `momentum` is that of batch normalization."""

    alpha: float = 0.35
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    smoothing: float = 0.1
    momentum: float = 0.95
    warm_up: float = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that must be the same for an interrupted training to be continued."""

    plan: Plan
    hyperparameters: Hyperparameters
    pool: PoolSettings


@dataclass(slots=True)
class Clock:
    """Progress of a training over all its starts. Either `seconds` or `steps` is above zero and sets its length."""

    seconds: float
    steps: int
    hyperparameters: Hyperparameters
    spent_s: float
    start_s: float = 0.0

    def elapsed_s(self) -> float:
        """Return the seconds of training so far."""
        return self.spent_s + time.perf_counter() - self.start_s

    def progress(self, step: int) -> float:
        """Return 0 at the start and 1 at the end."""
        return min(1.0, self.elapsed_s() / self.seconds if self.seconds else step / self.steps)

    def learning_rate(self, step: int) -> float:
        """Return the learning rate: linear warm-up, then cosine decay."""
        progress, warm_up = self.progress(step), self.hyperparameters.warm_up
        decay = (1 + math.cos(math.pi * max(0.0, progress - warm_up) / (1 - warm_up))) / 2
        # 1e-3, because a rate of zero would waste the first steps.
        return self.hyperparameters.learning_rate * min(decay, progress / warm_up + 1e-3 if warm_up else 1.0)


def train_base(settings: Settings, options: argparse.Namespace) -> None:
    """Train, or continue a training, in a folder.

    Args:
        settings: what is drawn and how the base is trained.
        options: folder, minutes or epochs, workers, checkpoint_s.

    Raises:
        ConfigError: the folder contains a training with other settings.
        StageError: the loss is not finite.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    epoch, spent_s = _resume(options.folder, settings)
    steps = settings.pool.steps
    clock = Clock(60 * options.minutes, options.epochs * steps, settings.hyperparameters, spent_s)
    # The pool comes first, so that its workers draw during the seconds that importing keras takes.
    with Pool(settings.plan, settings.pool, options.workers, epoch) as pool:
        model = _build_model(settings)
        checkpoint = options.folder / _CHECKPOINT
        if epoch:
            model.load_weights(checkpoint)
            print(f"continued after epoch {epoch}, {clock.spent_s / 60:.1f} minutes", file=sys.stderr)
        clock.start_s = saved_s = time.perf_counter()
        while clock.progress(epoch * steps) < 1:
            figures = _train_epoch(model, pool, epoch * steps, clock)
            epoch += 1
            with (options.folder / _LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(figures) + "\n")
            print(json.dumps(figures), file=sys.stderr)
            finished = clock.progress(epoch * steps) >= 1
            if finished or time.perf_counter() - saved_s > options.checkpoint_s:
                _save_checkpoint(model, checkpoint)
                saved_s = time.perf_counter()
    _write_base(model, settings, options.folder)


def _train_epoch(model: Any, pool: Pool, first_step: int, clock: Clock) -> dict[str, float]:
    """Train the epoch that begins with a step, counted from 0, and return its figures."""
    steps, start_s = pool.settings.steps, time.perf_counter()
    epoch = first_step // steps
    one_hot = np.eye(model.output_shape[-1], dtype=np.float32)
    sums = np.zeros(2)
    pool.refresh(epoch)
    waited_s = time.perf_counter() - start_s
    for step, (pixels, labels) in enumerate(pool.draw_batches(epoch), first_step):
        model.optimizer.learning_rate = clock.learning_rate(step)
        sums += model.train_on_batch(pixels, one_hot[labels])
    loss, accuracy = sums / steps
    if not math.isfinite(loss):
        raise StageError(
            f"the loss is {loss} in epoch {epoch + 1}", hint="begin in a new folder with a lower --learning-rate"
        )
    return {
        "epoch": epoch + 1,
        "loss": round(loss, 4),
        "accuracy": round(accuracy, 4),
        "learning_rate": float(f"{float(model.optimizer.learning_rate):.3g}"),
        "images_s": round(steps * pool.settings.batch / (time.perf_counter() - start_s)),
        "waited_s": round(waited_s, 2),
        "elapsed_s": round(clock.elapsed_s(), 1),
    }


def _build_model(settings: Settings) -> Any:
    """Build and compile MobileNetV2 with a head for the classes of the plan; all layers are trained."""
    from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe, TrainingRecipe
    from edgetl.engines.keras import build
    from edgetl.engines.keras import model as keras_model

    # edgetl.engines must be imported first: it sets environment variables that keras reads.
    import keras  # isort: skip

    plan, hyperparameters = settings.plan, settings.hyperparameters
    keras_model.reset_keras(plan.seed)
    base = BaseRecipe(name="mobilenet_v2", alpha=hyperparameters.alpha, side_px=plan.side_px, weights="none")
    model = build.assemble_model(base, HeadRecipe(dropout=0.0), plan.classes, None)
    training = TrainingRecipe(batch_norm="training", batch_norm_momentum=hyperparameters.momentum)
    build.unfreeze(model, build.select_trainable_layers(model, "all", training), training)
    optimizer = keras.optimizers.AdamW(hyperparameters.learning_rate, weight_decay=hyperparameters.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=hyperparameters.smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"])
    # A checkpoint can be loaded only into an optimizer that has its variables.
    optimizer.build(model.trainable_variables)
    return model


def _resume(folder: Path, settings: Settings) -> tuple[int, float]:
    """Return the epochs of the folder's checkpoint and the seconds that they took; 0 and 0.0 without a checkpoint."""
    text = json.dumps(asdict(settings), indent=1) + "\n"
    settings_file = folder / _SETTINGS
    epoch = 0
    if (folder / _CHECKPOINT).is_file():
        if settings_file.read_text(encoding="utf-8") != text:
            raise ConfigError(
                "the folder contains a training with other settings",
                where=(settings_file,),
                hint="repeat its options, or choose another folder",
            )
        import h5py

        # The optimizer's first variable is its number of steps.
        with h5py.File(folder / _CHECKPOINT) as file:
            epoch = int(file["optimizer/vars/0"][()]) // settings.pool.steps
    settings_file.write_text(text, encoding="utf-8")
    log = folder / _LOG
    # Epochs after the checkpoint are trained again, so their lines are dropped.
    lines = log.read_text(encoding="utf-8").splitlines()[:epoch] if epoch else []
    log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return epoch, float(json.loads(lines[-1])["elapsed_s"]) if lines else 0.0


def _save_checkpoint(model: Any, checkpoint: Path) -> None:
    """Write weights and optimizer, completely or not at all."""
    # Keras chooses the format by the suffix, so the name of the unfinished file differs at its beginning.
    unfinished = checkpoint.with_name(f"unfinished-{checkpoint.name}")
    model.save_weights(unfinished)
    unfinished.replace(checkpoint)


def _write_base(model: Any, settings: Settings, folder: Path) -> None:
    """Write the base's weights as half floats, and the accuracy on new images before and after the rounding."""
    from edgetl.engines.keras import build, half_weights
    from edgetl.engines.keras import model as keras_model

    layers = build.list_base_layers(model)
    pixels, labels = draw_shard(settings.plan, _TEST_SHARD, _TEST_IMAGES)
    exact = float((model.predict(pixels, verbose=0).argmax(1) == labels).mean())
    content = half_weights.pack_weights(layers)
    half_weights.fill_layers(layers, content)
    rounded = float((model.predict(pixels, verbose=0).argmax(1) == labels).mean())
    (folder / _BASE).write_bytes(content)
    log = [json.loads(line) for line in (folder / _LOG).read_text(encoding="utf-8").splitlines()]
    facts = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "epochs": len(log),
        "images": len(log) * settings.pool.steps * settings.pool.batch,
        "minutes": round(log[-1]["elapsed_s"] / 60, 1),
        "test_accuracy": round(exact, 4),
        "test_accuracy_half_floats": round(rounded, 4),
        "device": keras_model.get_device(),
        "backend": keras_model.get_backend(),
        "processor": read_processor_name(),
        **asdict(settings),
    }
    (folder / _FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(facts))
