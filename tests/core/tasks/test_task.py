"""task.py: the task follows from the thresholds of a model, or from the labels of photos."""

import numpy as np

from edgetl.core.tasks.one_class import OneClass
from edgetl.core.tasks.several_labels import SeveralLabels
from edgetl.core.tasks.task import find_task, make_task


def test_task_of_a_model():
    assert make_task([]) == OneClass() and make_task([0.5, 0.3]) == SeveralLabels((0.5, 0.3))


def test_task_of_photos():
    assert find_task(np.array([0, 1])) == OneClass()
    assert find_task(np.array([[0, 1]])) == SeveralLabels((0.5, 0.5))
