"""The commands that use a finished model: predict, demo. They train, convert and judge nothing."""

import typer

from edgetl.cli.app import app
from edgetl.cli.options import PredictCommand
from edgetl.cli.parameters import add_command


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
