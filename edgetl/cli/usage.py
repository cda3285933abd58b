"""The commands that use a finished model: predict, demo. They train, convert and judge nothing."""

import typer

from edgetl.cli.app import app
from edgetl.cli.options import DemoCommand, PredictCommand
from edgetl.cli.parameters import add_command
from edgetl.core.errors import ConfigError


@add_command(app, "predict")
def _predict(options: PredictCommand) -> None:
    """Classify photos with a finished file, on this machine."""
    from edgetl.cli import output
    from edgetl.core.report import predictions
    from edgetl.pipeline.usage.classifiers import find_classifier
    from edgetl.pipeline.usage.predictions import predict_photos
    from edgetl.pipeline.workspace import open_workspace

    # The runtime prints to stderr: the workspace sends that to a log.
    with open_workspace(None, quiet=options.quiet) as (_, console):
        classifier = find_classifier(options.source, options)
        predicted = predict_photos(classifier, options.photos, options.top, console=console)
        for line in predictions.describe_predictions(predicted):
            console.say(line)
        for photo in predicted.unreadable:
            console.error(f"{photo.path}: {photo.reason}")
    if options.as_json or len(predicted.photos) == 1:
        text = "\n".join(predictions.format_photo(predicted.photos[0])) if predicted.photos else ""
        output.print_record(predicted.model_dump(mode="json"), text, as_json=options.as_json)
    elif predicted.photos:
        columns, rows = predictions.tabulate_predictions(predicted)
        output.print_table({}, columns, rows, as_json=False)
    # As classify.py on the device: the other photos are predicted all the same.
    if predicted.unreadable:
        raise typer.Exit(2)


@add_command(app, "demo")
def _demo(options: DemoCommand) -> None:
    """Show predictions of a finished file live, in a browser on this machine: photos of a folder, or a camera."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from edgetl.pipeline.usage.classifiers import find_classifier
    from edgetl.pipeline.usage.demo import DemoSource, collect_test_photos, show_demo
    from edgetl.pipeline.workspace import open_workspace

    if options.camera and options.photos is not None:
        raise ConfigError("--camera and --photos are both given", hint="give one of them")
    # The runtime prints while it describes a file: the workspace sends that to a log.
    with open_workspace(None, quiet=True):
        classifier = find_classifier(options.source, options)
    with TemporaryDirectory(prefix="edgetl-photos-") as folder:
        photos = None if options.camera else options.photos
        if photos is None and not options.camera:
            # The demo shows the name of the folder.
            photos = Path(folder) / "test photos"
            photos.mkdir()
            collect_test_photos(options.source, photos)
        source = DemoSource(photos=photos, port=options.port, terminal=options.terminal)
        code = show_demo(classifier, source)
    if code:
        raise typer.Exit(code)
