"""Whether a model is fed and read as it was made to be: its answers to photos of known classes, tried both ways.

Mistakes in the order of the labels, in the scaling or in the order of the channels do not crash anything; they only
cost accuracy. What would clearly do better than what was stated is therefore looked for.
"""

import math

import numpy as np

# In standard deviations: at 3, a way that is no better is taken for better once in 700 times.
_CLEARLY = 3.0


def is_clearly_better(other: np.ndarray, stated: np.ndarray) -> bool:
    """Whether one way is right on so many more of the same photos that chance does not explain it.

    Args:
        other: bool [photos], right under the other way.
        stated: bool [photos], right under the stated one.

    Source: McNemar's test, on the photos on which the two differ.
    """
    won, lost = int((other & ~stated).sum()), int((stated & ~other).sum())
    return won - lost > _CLEARLY * math.sqrt(won + lost) > 0


def is_likelier(other: np.ndarray, stated: np.ndarray) -> bool:
    """Whether one way gives the true classes clearly more probability, photo by photo.

    Args:
        other: float [photos], the probability of the true class under the other way, above 0.
        stated: float [photos], under the stated one.
    """
    gained = np.log(other) - np.log(stated)
    return float(gained.mean()) * math.sqrt(len(gained)) > _CLEARLY * float(gained.std()) and bool(gained.any())


def is_near_chance(right: np.ndarray, classes: int) -> bool:
    """Whether so many right answers come from guessing too, among this many classes.

    Args:
        right: bool [photos].
        classes: how many; guessing is right once in so many.
    """
    guessed = 1 / classes
    return float(right.mean()) - guessed < _CLEARLY * math.sqrt(guessed * (1 - guessed) / len(right))


def find_better_order(named: np.ndarray, labels: np.ndarray, classes: int) -> tuple[int, ...] | None:
    """The order of the outputs that fits the photos clearly better than the stated one, or None.

    Args:
        named: int [photos], the output that answered highest.
        labels: int [photos], the true class.
        classes: how many outputs and classes there are.

    Returns:
        For each output the class it stands for. Only where each class has an output of its own that answers it most.
    """
    votes = np.zeros((classes, classes), np.int64)
    np.add.at(votes, (labels, named), 1)
    output_of = votes.argmax(axis=1)
    if len(set(output_of.tolist())) < classes or not votes.sum(axis=1).all():
        return None
    class_of = np.empty(classes, np.int64)
    class_of[output_of] = np.arange(classes)
    if not is_clearly_better(class_of[named] == labels, named == labels):
        return None
    return tuple(int(label) for label in class_of)
