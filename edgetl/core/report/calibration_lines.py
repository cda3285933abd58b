"""Sentences about probabilities: the temperature of a model, and how often answers of a probability are right."""

from edgetl.core.rejection.reliability import merge_bins
from edgetl.core.rejection.temperature import TemperatureFit
from edgetl.core.verdict_records import Verdict

# A line has room for four bins. Most answers of a good model have a high probability.
_EDGES = (0.0, 0.6, 0.8, 14 / 15, 1.0)


def describe_temperature(fit: TemperatureFit) -> list[str]:
    """Describe a temperature, and what it does to the validation photos that set it."""
    if fit.changed:
        return [
            f"no temperature: rounding would change the prediction of {fit.changed} of {fit.photos} validation photos, "
            "whose highest scores are all but equal"
        ]
    before, after = fit.calibration_error
    if fit.temperature == 1:
        return [
            f"no temperature: one wrong prediction more of the {fit.photos} validation photos would turn it from "
            f"raising probabilities to lowering them; their expected calibration error is {before:.4f}"
        ]
    return [
        f"temperature {fit.temperature:.3f}, by which the last layer is divided (--no-temperature): on the "
        f"{fit.photos} validation photos that set it, log loss {fit.log_loss[0]:.4f} before, {fit.log_loss[1]:.4f} "
        f"after, expected calibration error {before:.4f} before, {after:.4f} after",
    ]


def describe_reliability(verdict: Verdict) -> list[str]:
    """Describe the calibration errors in a line, and in a second one how often answers of the artifact are right."""
    if not verdict.reliability:
        return []
    *references, artifact = verdict.reliability
    without = f"{references[0].calibration_error:.4f} without its temperature of {verdict.temperature:.3f}, "
    errors = f"Keras {without if len(references) > 1 else ''}{references[-1].calibration_error:.4f}"
    things = "decisions" if verdict.labels else "photos"
    bins = "; ".join(
        f"up to {row.high:.2f}: {row.photos} {things}, {row.probability:.3f} said, {row.accuracy:.3f} right"
        for row in merge_bins(artifact.bins, _EDGES)
    )
    return [
        f"  expected calibration error, 15 bins of equal width: {errors}; {verdict.method} "
        f"{artifact.calibration_error:.4f}",
        f"  probabilities of {verdict.method}, {bins}",
    ]
