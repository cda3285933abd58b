"""Options → an Order."""

from collections.abc import Sequence
from pathlib import Path

from edgetl.core import methods
from edgetl.core.device import targets
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation.objective import find_objective
from edgetl.core.network import bases
from edgetl.core.photos import photo_folder
from edgetl.core.photos.foreign_photos import check_foreign_folder
from edgetl.core.photos.parts.exclusions import read_exclusions
from edgetl.core.photos.parts.folds import FEWEST_FOLDS, MOST_FOLDS
from edgetl.core.photos.remote.photo_url import locate_mirror, read_photo_url
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import ExternalRecipe, Recipe, Tables
from edgetl.core.recipe.teacher_source import check_teacher_source
from edgetl.pipeline import stages
from edgetl.pipeline.options import BuildOptions, TrainOptions, collect_tables, list_options, map_options, name_option
from edgetl.pipeline.order import Order


def make_order(options: BuildOptions | TrainOptions) -> Order:
    """Make the order that the options describe.

    Raises:
        ConfigError: options that exclude each other, or a name that does not exist.
        DataError: the photos are not a folder of photos.
    """
    check_utf8(options)
    photos, source = _locate_photos(options)
    if options.test is not None and photos is None:
        hint = "edgetl build PHOTOS --test DIR, with the same class folders in both"
        raise ConfigError("--test needs PHOTOS: the embedded digits have test photos of their own", hint=hint)
    # `train` has no options for targets and methods: their defaults apply.
    build = options if isinstance(options, BuildOptions) else BuildOptions()
    if build.method:
        methods.find_method(build.method)
    names = build.target or ["tflite"]
    if len(set(names)) < len(names):
        raise ConfigError("a target is given twice", where=names)
    loaded = tuple(targets.find_target(name, build.target_dir or ()) for name in names)
    recipe = resolve_order_recipe(options, loaded)
    if options.exclude is not None:
        # A file that cannot be read is an error before a run folder is created.
        read_exclusions(options.exclude)
    for folder in (photos, options.test):
        # A mirror may not exist yet.
        if folder is not None and not folder.is_dir() and not (source and folder == photos):
            # Scanning raises the error that explains what is wrong, before a run folder is created.
            photo_folder.scan_photos(
                folder, multi_label=recipe.photos.multi_label, label_separator=recipe.photos.label_separator
            )
    if build.foreign is not None:
        _check_foreign(build.foreign, recipe)
    if not recipe.external.path:
        # Before the photos are read.
        bases.check_weights(recipe.base.name, recipe.base.alpha, recipe.base.weights)
        check_teacher_source(recipe)
    elif photos is None:
        hint = "edgetl build --model FILE PHOTOS, with photos of the classes that it predicts"
        raise ConfigError("a model made elsewhere needs photos", hint=hint)
    else:
        _check_model_files(recipe.external)
    return Order(
        photos=photos,
        targets=loaded,
        recipe=recipe,
        method=build.method,
        all_methods=build.all_methods,
        prefer=find_objective(build.prefer) if build.prefer else "",
        test=options.test,
        cross_fit=_check_cross_fit(build.cross_fit, recipe),
        foreign=build.foreign,
        exclude=options.exclude,
        source=source,
    )


def _locate_photos(options: BuildOptions | TrainOptions) -> tuple[Path | None, str]:
    """Return the folder of the photos, and the URL that it is the mirror of; "" for a folder of this machine.

    Raises:
        ConfigError: a URL that cannot be used, or one of photos that must be here.
        MissingPackage: the package of its protocol is not installed.
    """
    for name in ("test", "foreign"):
        folder = getattr(options, name, None)
        if folder is not None and read_photo_url(folder):
            raise ConfigError(f"--{name} is a URL, and only PHOTOS may be one", hint="copy its photos to a folder here")
    source = read_photo_url(options.photos) if options.photos else ""
    if not source:
        return options.photos, ""
    # An unknown protocol or an absent package is an error before a run folder is created.
    stages.object_storage.open_object_folder(source)
    return locate_mirror(source), source


def resolve_order_recipe(options: BuildOptions | TrainOptions, chosen: Sequence[Target]) -> Recipe:
    """Resolve the recipe that the options describe for the targets of an order.

    Raises:
        ConfigError: an unknown recipe, or a value out of its range.
    """
    external = options.model if isinstance(options, BuildOptions) else None
    # The digits have a recipe of their own: grey images of 8 px need other settings than photos.
    source = options.recipe or ("digits" if options.photos is None and external is None else "default")
    # All targets share one recipe, so the strictest limit applies to each.
    limits = [target.limits.accuracy_drop for target in chosen if target.limits.accuracy_drop is not None]
    below: Tables = {"contract": {"limit_drop": min(limits)}} if limits else {}
    # Several labels have thresholds of their own in place of this one.
    errors = [target.limits.error_accepted for target in chosen if target.limits.error_accepted is not None]
    if errors and not options.multi_label:
        below["answers"] = {"error_accepted": min(errors)}
    return resolve_recipe(source, collect_tables(options), below=below, names=map_options(type(options)))


def _check_model_files(external: ExternalRecipe) -> None:
    """Check that the files of a model made elsewhere exist, before its photos are read."""
    for option, path, hint in (
        ("--model", external.path, "it is a .keras, .h5 or .onnx file, or a SavedModel folder"),
        ("--labels", external.labels, "it is a text, JSON or CSV file with the names of the outputs"),
    ):
        if path and not Path(path).exists():
            raise ConfigError(f"{option}: no such file", where=(path,), hint=hint)


def list_overridden_limits(order: Order) -> list[str]:
    """List, in words, the targets whose accuracy limit is stricter than that of the recipe, which applies."""
    allowed = order.recipe.contract.limit_drop
    return [
        f"target {target.id} allows a drop of {target.limits.accuracy_drop * 100:g} points, and the recipe, which "
        f"applies, {allowed * 100:g}: use --limit-drop {target.limits.accuracy_drop:g} for the target's limit"
        for target in order.targets
        if target.limits.accuracy_drop is not None and target.limits.accuracy_drop < allowed
    ]


def _check_cross_fit(count: int | None, recipe: Recipe) -> int:
    """Return the number of folds, 0 for none."""
    if count is None:
        return 0
    if not FEWEST_FOLDS <= count <= MOST_FOLDS:
        raise ConfigError(f"--cross-fit is {FEWEST_FOLDS} to {MOST_FOLDS}, not {count}")
    if recipe.photos.multi_label:
        raise ConfigError(
            "--cross-fit judges one class for each photo, and --multi-label gives several labels",
            hint="leave out --cross-fit: photos that are added to the list, or brought with --test, narrow the bounds",
        )
    if recipe.external.path:
        raise ConfigError(
            "--cross-fit trains, and a model made elsewhere is not trained here",
            where=(recipe.external.path,),
            hint="leave out --cross-fit: all photos that the model was not trained on can be test photos, with --test",
        )
    return count


def _check_foreign(folder: Path, recipe: Recipe) -> None:
    if not recipe.answers.features:
        raise ConfigError(
            "--foreign counts which photos are rejected, and --no-features leaves out what rejects them",
            where=(folder,),
            hint="leave out one of them",
        )
    check_foreign_folder(folder)


def check_utf8(options: object) -> None:
    """Check that every name among the options is UTF-8: a build would fail when it stores or prints it.

    Raises:
        ConfigError: names the option.
    """
    for name, _, option, _ in list_options(type(options)):
        value = getattr(options, name)
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, str | Path) and not _is_text(str(entry)):
                raise ConfigError(
                    f"{name_option(name, option)} is not UTF-8", where=[repr(str(entry))], hint="rename it"
                )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
