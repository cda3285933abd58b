#!/usr/bin/env python3
"""Pretrain a base on formula images, and write its weights as half floats into one small file.

    python tools/pretrain_base.py FOLDER --minutes 90
    python tools/pretrain_base.py FOLDER --epochs 500      # gives the same weights each time on the same machine
    python tools/pretrain_base.py --sheet classes.png      # writes a picture of the images
    python tools/pretrain_base.py --speed                  # measures how fast images are drawn

FOLDER then contains base.npz (the file for `edgetl.engines.keras.half_weights.fill_layers`), base.json (its sha256 and
how it was made), log.jsonl (one line per epoch), and a checkpoint, from which the same command continues an interrupted
training. The learning rate follows a cosine over the given time or epochs.

Worker processes draw the images ahead, so that training does not wait for them. Each epoch adds a shard to the pool
that batches are drawn from. The images depend on the seed alone, so a training of a given number of epochs repeats
exactly wherever the arithmetic does. KERAS_BACKEND chooses the backend; on a GPU use many --workers and --reuse 1.

Speed on 2 cores (AMD EPYC, TensorFlow): one process draws 2280 images of 64 px per second. Training takes 575 images
per second while another process draws, and waits 0.1 s of 11 s in an epoch. Training steps alone, measured once each:
556 images per second by default, 543 with XLA, 586 in mixed bfloat16, so neither is used.

First trials, one seed, digits at 64 px fine-tuned for 4 epochs (tools/measure_transfer.py --digits-epochs 4): random
weights 0.641; 300 classes with 24 576 images in 78 s of training 0.911; ImageNet weights 0.970.
The results with the full budget of tools/measure_transfer.py are in tools/results/pretraining.jsonl.

The file in the package (sha256 5a992fd6…) was written with `--epochs 300` and the defaults below: 1000 classes, 300
epochs, 1 843 200 images, 90 minutes on 2 cores shared with other programs (AMD EPYC, TensorFlow 2.21, Keras 3.15; on an
idle machine an epoch takes 10 s). The loss fell from 6.89 to 1.14. The training accuracy was 0.69 after 34 epochs, 0.91
after 71, 0.98 after 144, and 0.990 at the end; the accuracy on 2048 new images was 0.9956, before and after rounding to
half floats. The network has learned these classes completely: more classes would help, more epochs would not.
"""

import argparse
import json
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.machine import count_cores, read_processor_name
from tools.errors import report_errors
from tools.formula.classes import Plan, draw_catalogue
from tools.formula.images import draw_images, draw_shard
from tools.formula.pool import PoolSettings
from tools.formula.training import Hyperparameters, Settings, train_base


def main() -> None:
    """Write a sheet, measure the speed, or train."""
    options = _parse_options()
    plan, hyperparameters, pool = (_select(kind, options) for kind in (Plan, Hyperparameters, PoolSettings))
    if options.sheet:
        _write_sheet(plan, options.sheet)
    elif options.speed:
        _print_speed(plan)
    else:
        train_base(Settings(plan, hyperparameters, pool), options)


def _write_sheet(plan: Plan, path: Path, rows: int = 24, columns: int = 12) -> None:
    """Write a picture with some classes of each kind, one class in a row."""
    from PIL import Image

    kinds = draw_catalogue(plan).classes["kind"]
    labels = np.concatenate([np.flatnonzero(kinds == kind)[: rows // 3] for kind in range(3)])
    pixels = draw_images(plan, np.repeat(labels, columns), np.random.default_rng(plan.seed))
    grid = pixels.reshape(len(labels), columns, plan.side_px, plan.side_px, 3).transpose(0, 2, 1, 3, 4)
    Image.fromarray(grid.reshape(len(labels) * plan.side_px, columns * plan.side_px, 3)).save(path)


def _print_speed(plan: Plan, images: int = 2048) -> None:
    """Print how many images one process draws in a second: the median of three."""
    # The first call draws the catalogue as well.
    draw_shard(plan, 0, 64)
    rates = []
    for number in range(3):
        start = time.perf_counter()
        draw_shard(plan, number, images)
        rates.append(images / (time.perf_counter() - start))
    median = round(sorted(rates)[1])
    print(json.dumps({"images_s": median, "side_px": plan.side_px, "processor": read_processor_name()}))


def _select(kind: Any, options: argparse.Namespace) -> Any:
    """Make a settings object of the options with the names of its fields."""
    return kind(**{field.name: getattr(options, field.name) for field in fields(kind)})


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pretrain a base on formula images.")
    parser.add_argument("folder", type=Path, nargs="?", help="folder of the training")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=0.0, help="duration of training, over all starts")
    length.add_argument("--epochs", type=int, default=0, help="number of epochs, over all starts")
    parser.add_argument("--workers", type=int, default=max(1, count_cores() - 1), help="processes that draw images")
    parser.add_argument("--checkpoint-s", type=float, default=60.0, help="seconds between checkpoints")
    parser.add_argument("--sheet", type=Path, help="only write this picture of images, one class in a row")
    parser.add_argument("--speed", action="store_true", help="only measure how fast images are drawn")
    for kind in (Plan, Hyperparameters, PoolSettings):
        group = parser.add_argument_group(kind.__name__, (kind.__doc__ or "").replace("%", "%%"))
        for field in fields(kind):
            kwargs: dict[str, Any] = {"type": type(field.default)}
            # The only tuple among the settings.
            if field.name == "kinds":
                kwargs = {"nargs": 3, "type": float}
            group.add_argument(f"--{field.name.replace('_', '-')}", default=field.default, help="%(default)s", **kwargs)
    options = parser.parse_args()
    options.kinds = tuple(options.kinds)
    if not (options.sheet or options.speed or (options.folder and (options.minutes or options.epochs))):
        parser.error("give a FOLDER and --minutes or --epochs, or --sheet, or --speed")
    return options


if __name__ == "__main__":
    with report_errors():
        main()
