"""Statistical checks of a model's preprocessing and output order, on its predictions for labelled photos.

A wrong order of labels, scaling or order of channels raises no error; it only costs accuracy. So the stated
preprocessing is compared with alternatives, and one that is clearly better is reported.
"""

import math

import numpy as np

# In standard errors: at 3, an alternative that is equally good is reported as better once in 700 times.
_SIGNIFICANCE = 3.0


def is_clearly_better(alternative: np.ndarray, baseline: np.ndarray) -> bool:
    """Return whether an alternative predicts significantly more of the same photos correctly.

    Args:
        alternative: bool [photos], whether the prediction is correct with the alternative.
        baseline: bool [photos], whether it is correct with the stated preprocessing.

    Source: McNemar's test, on the photos with different results.
    """
    gained, lost = int((alternative & ~baseline).sum()), int((baseline & ~alternative).sum())
    return gained - lost > _SIGNIFICANCE * math.sqrt(gained + lost) > 0


def is_likelier(alternative: np.ndarray, baseline: np.ndarray) -> bool:
    """Return whether an alternative gives the true classes significantly more probability.

    Args:
        alternative: float [photos], above 0, probability of the true class with the alternative.
        baseline: float [photos], above 0, probability of the true class with the stated preprocessing.
    """
    gains = np.log(alternative) - np.log(baseline)
    # The paired t statistic, without a division by a deviation that may be 0.
    return float(gains.mean()) * math.sqrt(len(gains)) > _SIGNIFICANCE * float(gains.std()) and bool(gains.any())


def is_near_chance(correct: np.ndarray, classes: int) -> bool:
    """Return whether random predictions could be correct as often.

    Args:
        correct: bool [photos], whether the prediction is correct.
        classes: number of classes.
    """
    chance = 1 / classes
    return float(correct.mean()) - chance < _SIGNIFICANCE * math.sqrt(chance * (1 - chance) / len(correct))


def find_better_order(predictions: np.ndarray, labels: np.ndarray, classes: int) -> tuple[int, ...] | None:
    """Find an order of the outputs that fits the photos clearly better than the stated one.

    Args:
        predictions: int [photos], index of the output with the highest score.
        labels: int [photos], true class.
        classes: number of outputs and classes.

    Returns:
        The class of each output. None if the stated order fits, or unless each class has photos and a different output
        that is predicted most often for it.
    """
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, predictions), 1)
    output_of_class = confusion.argmax(axis=1)
    # Two classes with the same output, or a class without photos, give no order.
    if len(set(output_of_class.tolist())) < classes or not confusion.sum(axis=1).all():
        return None
    class_of_output = np.empty(classes, np.int64)
    class_of_output[output_of_class] = np.arange(classes)
    if not is_clearly_better(class_of_output[predictions] == labels, predictions == labels):
        return None
    return tuple(int(label) for label in class_of_output)
