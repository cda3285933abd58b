#!/usr/bin/env python3
"""Pretrain a base on images drawn by formula and write its weights, as half floats, into one small file.

    python tools/pretrain_base.py FOLDER --minutes 90
    python tools/pretrain_base.py FOLDER --epochs 500      # the same weights each time, on the same machine
    python tools/pretrain_base.py --sheet classes.png      # what the images look like
    python tools/pretrain_base.py --speed                  # how fast they are drawn

FOLDER then holds base.npz (what `edgetl.engines.formula.fill` puts into a network), base.json (its sha256 and how it
came about), log.jsonl (a line for each epoch), and a checkpoint: the same command takes up a run that was killed. The
learning rate falls along a cosine over the time, or the epochs, that were given.

Worker processes draw the images ahead, so that training does not wait for them; an epoch adds a shard to the pool it
draws from. Which images those are depends on the seed alone, so a run of so many epochs repeats exactly wherever its
arithmetic does. KERAS_BACKEND chooses the backend; on a GPU, give it many --workers and --reuse 1.

Speed on 2 cores (AMD EPYC, TensorFlow): one process draws 2280 images/s of 64 px; training takes 575 images/s with the
drawing beside it, and waits 0.1 s of 11 s an epoch. Steps alone, each measured once: 556 as it is, 543 with XLA asked
for, 586 in mixed bfloat16; nothing in it.

Tried first, one seed, digits at 64 px fine-tuned for 4 epochs (tools/measure_transfer.py --digits-epochs 4):
random weights 0.641; 300 classes, 24 576 images in 78 s of training 0.911; ImageNet weights 0.970.

Tried, three seeds, at the full budget of tools/measure_transfer.py (README, "Without a network"):

                                             digits         flowers5       glass_or_metal  head alone: digits, flowers5
    an earlier run, its course not kept      0.987 ± 0.002  0.724 ± 0.004  0.840 ± 0.007   0.858, 0.611
    --epochs 300: the file in the package    0.992 ± 0.002  0.735 ± 0.009  0.808 ± 0.031   0.897, 0.645

That file (sha256 5a992fd6…) is what `--epochs 300` wrote with everything else as it stands here: 1000 classes, 300
epochs, 1 843 200 images, 90 minutes on 2 cores with other work beside it (AMD EPYC, TensorFlow 2.21, Keras 3.15;
alone, an epoch takes 10 s). The loss fell from 6.89 to 1.14; of an epoch's images 0.69 were named right after 34
epochs, 0.91 after 71, 0.98 after 144, 0.990 at the end, and 0.9956 of 2048 images never seen, after the rounding to
half floats as before it. Of these classes there is nothing left to learn: more of them come next, not more epochs.
"""

import argparse
import hashlib
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import formula_classes
import formula_images
import numpy as np
from formula_classes import Plan
from formula_pool import Pool, Turnover

from edgetl.core.machine import count_cores, read_processor_name

CHECKPOINT, SETTINGS, LOG, BASE, FACTS = "checkpoint.weights.h5", "settings.json", "log.jsonl", "base.npz", "base.json"
UNSEEN = 10**9  # The number of a shard that no training reaches.


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """How the base is trained. `warm_up` is a fraction of the whole, `momentum` the batch normalisation's."""

    alpha: float = 0.35
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    smoothing: float = 0.1
    momentum: float = 0.95
    warm_up: float = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """All that must be the same for a run to be taken up again."""

    plan: Plan
    course: Course
    turnover: Turnover


@dataclass(slots=True)
class Clock:
    """How far a run has come, over all its starts. One of `seconds` and `steps` is above zero: it sets the length."""

    seconds: float
    steps: int
    course: Course
    spent_s: float
    began_s: float = 0.0

    def elapsed_s(self) -> float:
        """Seconds of training so far."""
        return self.spent_s + time.perf_counter() - self.began_s

    def progress(self, step: int) -> float:
        """0 at the start, 1 when the run is over."""
        return min(1.0, self.elapsed_s() / self.seconds if self.seconds else step / self.steps)

    def learning_rate(self, step: int) -> float:
        """Up along a line, down along a cosine."""
        progress, warm_up = self.progress(step), self.course.warm_up
        falling = (1 + math.cos(math.pi * max(0.0, progress - warm_up) / (1 - warm_up))) / 2
        return self.course.learning_rate * min(falling, progress / warm_up + 1e-3 if warm_up else 1.0)


def main() -> None:
    """Draw a sheet, measure the speed, or train."""
    options = _options()
    plan, course, turnover = (_chosen(kind, options) for kind in (Plan, Course, Turnover))
    if options.sheet:
        _write_sheet(plan, options.sheet)
    elif options.speed:
        _print_speed(plan)
    else:
        options.folder.mkdir(parents=True, exist_ok=True)
        _train(Settings(plan, course, turnover), options)


def _train(settings: Settings, options: argparse.Namespace) -> None:
    epoch, spent_s = _resumed(options.folder, settings)
    steps = settings.turnover.steps
    clock = Clock(60 * options.minutes, options.epochs * steps, settings.course, spent_s)
    # The pool comes first: what keras loads takes seconds in which the workers draw.
    with Pool(settings.plan, settings.turnover, options.workers, epoch) as pool:
        model = _model(settings)
        checkpoint = options.folder / CHECKPOINT
        if epoch:
            model.load_weights(checkpoint)
            print(f"taken up after epoch {epoch}, {clock.spent_s / 60:.1f} minutes", file=sys.stderr)
        clock.began_s = saved_s = time.perf_counter()
        while clock.progress(epoch * steps) < 1:
            told = _epoch(model, pool, epoch * steps, clock)
            epoch += 1
            with (options.folder / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(told) + "\n")
            print(json.dumps(told), file=sys.stderr)
            over = clock.progress(epoch * steps) >= 1
            if over or time.perf_counter() - saved_s > options.checkpoint_s:
                _save(model, checkpoint)
                saved_s = time.perf_counter()
    _finish(model, settings, options.folder)


def _epoch(model: Any, pool: Pool, first: int, clock: Clock) -> dict[str, float]:
    """Train on the batches of an epoch whose first step this is, and tell how it went."""
    steps, began_s = pool.turnover.steps, time.perf_counter()
    epoch = first // steps
    one_hot = np.eye(model.output_shape[-1], dtype=np.float32)
    scores = np.zeros(2)
    pool.refresh(epoch)
    waited_s = time.perf_counter() - began_s
    for step, (pixels, labels) in enumerate(pool.batches(epoch), first):
        model.optimizer.learning_rate = clock.learning_rate(step)
        scores += model.train_on_batch(pixels, one_hot[labels])
    loss, accuracy = scores / steps
    if not math.isfinite(loss):
        sys.exit(f"the loss is {loss} in epoch {epoch + 1}: start anew with a lower --learning-rate")
    return {
        "epoch": epoch + 1,
        "loss": round(loss, 4),
        "accuracy": round(accuracy, 4),
        "learning_rate": float(f"{float(model.optimizer.learning_rate):.3g}"),
        "images_s": round(steps * pool.turnover.batch / (time.perf_counter() - began_s)),
        "waited_s": round(waited_s, 2),
        "elapsed_s": round(clock.elapsed_s(), 1),
    }


def _model(settings: Settings) -> Any:
    """MobileNetV2 with a head for the plan's classes, all of it trained."""
    from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe, TrainingRecipe
    from edgetl.engines.keras import model as keras_model

    # The engines come first: they set the environment that keras reads.
    import keras  # isort: skip

    plan, course = settings.plan, settings.course
    keras_model.reset_keras(plan.seed)
    base = BaseRecipe(name="mobilenet_v2", alpha=course.alpha, side_px=plan.side_px, weights="none")
    model = build.assemble_model(base, HeadRecipe(dropout=0.0), plan.classes)
    training = TrainingRecipe(batch_norm="training", batch_norm_momentum=course.momentum)
    build.unfreeze(model, build.select_trainable_layers(model, "all", training), training)
    optimizer = keras.optimizers.AdamW(course.learning_rate, weight_decay=course.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=course.smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"])
    optimizer.build(model.trainable_variables)
    return model


def _resumed(folder: Path, settings: Settings) -> tuple[int, float]:
    """The epochs behind the checkpoint and the seconds they took; settings must be the same. 0, 0.0 at the start."""
    text = json.dumps(asdict(settings), indent=1) + "\n"
    kept = folder / SETTINGS
    if (folder / CHECKPOINT).is_file():
        if kept.read_text(encoding="utf-8") != text:
            sys.exit(f"{kept} says that this run began with other settings: repeat them, or take another folder")
        import h5py

        with h5py.File(folder / CHECKPOINT) as file:
            epoch = int(file["optimizer/vars/0"][()]) // settings.turnover.steps
    else:
        epoch = 0
    kept.write_text(text, encoding="utf-8")
    log = folder / LOG
    lines = log.read_text(encoding="utf-8").splitlines()[:epoch] if epoch else []
    log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return epoch, float(json.loads(lines[-1])["elapsed_s"]) if lines else 0.0


def _save(model: Any, checkpoint: Path) -> None:
    """Write weights, optimizer and, in its count of steps, the epoch: all of it or nothing."""
    part = checkpoint.with_name(f"part-{checkpoint.name}")
    model.save_weights(part)
    part.replace(checkpoint)


def _finish(model: Any, settings: Settings, folder: Path) -> None:
    """Write the base, and what the whole network makes of unseen images before and after the rounding."""
    from edgetl.engines.keras import half_weights
    from edgetl.engines.keras import model as keras_model

    layers = build.list_base_layers(model)
    pixels, labels = formula_images.shard(settings.plan, UNSEEN, 2048)
    exact = float((model.predict(pixels, verbose=0).argmax(1) == labels).mean())
    content = half_weights.pack_weights(layers)
    half_weights.fill_layers(layers, content)
    rounded = float((model.predict(pixels, verbose=0).argmax(1) == labels).mean())
    (folder / BASE).write_bytes(content)
    log = [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]
    facts = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "epochs": len(log),
        "images": len(log) * settings.turnover.steps * settings.turnover.batch,
        "minutes": round(log[-1]["elapsed_s"] / 60, 1),
        "accuracy_unseen": round(exact, 4),
        "accuracy_unseen_half_floats": round(rounded, 4),
        "device": keras_model.get_device(),
        "backend": keras_model.get_backend(),
        "processor": read_processor_name(),
        **asdict(settings),
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(facts))


def _write_sheet(plan: Plan, path: Path, rows: int = 24, columns: int = 12) -> None:
    """Some classes of each kind from top to bottom, images of each from left to right."""
    from PIL import Image

    kinds = formula_classes.catalogue(plan).classes["kind"]
    chosen = np.concatenate([np.flatnonzero(kinds == kind)[: rows // 3] for kind in range(3)])
    pixels = formula_images.draw(plan, np.repeat(chosen, columns), np.random.default_rng(plan.seed))
    grid = pixels.reshape(len(chosen), columns, plan.side_px, plan.side_px, 3).transpose(0, 2, 1, 3, 4)
    Image.fromarray(grid.reshape(len(chosen) * plan.side_px, columns * plan.side_px, 3)).save(path)


def _print_speed(plan: Plan, images: int = 2048) -> None:
    """Images a second of one process."""
    formula_images.shard(plan, 0, 64)
    rates = []
    for number in range(3):
        start = time.perf_counter()
        formula_images.shard(plan, number, images)
        rates.append(images / (time.perf_counter() - start))
    print(
        json.dumps({"images_s": round(sorted(rates)[1]), "side_px": plan.side_px, "processor": read_processor_name()})
    )


def _chosen(kind: Any, options: argparse.Namespace) -> Any:
    return kind(**{field.name: getattr(options, field.name) for field in fields(kind)})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pretrain a base on images drawn by formula.")
    parser.add_argument("folder", type=Path, nargs="?", help="where the run lives")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=0.0, help="train for so long, all starts together")
    length.add_argument("--epochs", type=int, default=0, help="train for so many epochs")
    parser.add_argument("--workers", type=int, default=max(1, count_cores() - 1), help="processes that draw images")
    parser.add_argument("--checkpoint-s", type=float, default=60.0)
    parser.add_argument("--sheet", type=Path, help="write this picture of classes by images, and stop")
    parser.add_argument("--speed", action="store_true", help="measure how fast images are drawn, and stop")
    for kind in (Plan, Course, Turnover):
        group = parser.add_argument_group(kind.__name__, (kind.__doc__ or "").replace("%", "%%"))
        for field in fields(kind):
            many = {"nargs": 3, "type": float} if field.name == "kinds" else {"type": type(field.default)}
            group.add_argument(f"--{field.name.replace('_', '-')}", default=field.default, help="%(default)s", **many)
    options = parser.parse_args()
    options.kinds = tuple(options.kinds)
    if not (options.sheet or options.speed or (options.folder and (options.minutes or options.epochs))):
        parser.error("give a FOLDER and --minutes or --epochs, or --sheet, or --speed")
    return options


if __name__ == "__main__":
    main()
