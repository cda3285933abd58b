"""The Python API of `edgetl sweep`."""

from typing import TypedDict, Unpack

from edgetl.api_options import PathLike, collect_options, show_options, to_path
from edgetl.pipeline.execution.cluster import check_cluster, use_cluster
from edgetl.pipeline.options import SweepOptions
from edgetl.pipeline.sweep.plan import make_sweep_plan
from edgetl.pipeline.sweep.sweep_run import Swept, open_sweep, run_sweep


class SweepKeywords(TypedDict, total=False):
    """Keyword options of `sweep`: see `edgetl sweep --help`."""

    test: PathLike | None
    exclude: PathLike | None
    target: str
    target_dir: PathLike | list[PathLike] | None
    device: str
    limit_ms: float | None
    limit_bytes: str | None
    budget: str | None
    prefer: str
    cluster: str
    bases: str | None
    sides: str | None
    space: PathLike | None
    weights: str | None
    pooling: str | None
    hidden_units: int | None
    dropout: float | None
    activation: str | None
    fit: str | None
    layout: str | None
    label_from: str | None
    multi_label: bool
    label_separator: str | None
    group_by: str | None
    near_duplicates: str | None
    recipe: str | None
    epochs: int | None
    fine_tune_epochs: int | None
    unfreeze: str | None
    learning_rate: float | None
    batch_size: int | None
    no_augment: bool
    no_feature_cache: bool
    cache_bytes: int | None
    class_weight: str | None
    precision: str | None
    no_temperature: bool
    seed: int | None


@show_options(SweepOptions)
def sweep(
    photos: PathLike | None = None,
    *,
    out: PathLike | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **options: Unpack[SweepKeywords],
) -> Swept:
    """Compare networks for one target, and build the one that fits best.

    What is finished in the folder of the sweep is not made again.

    Args:
        photos: folder of photos, one folder per class; None for the embedded handwritten digits.
        out: the folder of the sweep; by default one in edgetl-runs, named after photos and target.
        overwrite: replace what was trained there with other photos or another recipe.
        quiet: show warnings and errors only.
        **options: as on the command line, for example `bases="mobilenet:0.25,mobilenet_v2:0.35"`, `sides="96,160"`.

    Returns:
        The rows of all networks in `swept.result`, and the chosen one, built, in `swept.built`.

    Raises:
        ConfigError: an option that does not exist, or has a wrong value; or the folder contains another sweep.
        DataError: the photos cannot be used.
        StageError: no network is left.
    """
    settings = collect_options(SweepOptions, photos, options)
    check_cluster(settings.cluster)
    plan = make_sweep_plan(settings)
    with (
        open_sweep(plan, to_path(out), overwrite=overwrite, quiet=quiet) as local,
        use_cluster(local, settings.cluster) as context,
    ):
        return run_sweep(context, plan)
