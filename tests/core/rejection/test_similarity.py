import numpy as np

from edgetl.core.rejection.similarity import compute_similarities, normalize_features
from tests.fixtures.payload import import_program


def test_rows_have_length_one_and_zeros_stay():
    np.testing.assert_allclose(normalize_features([[3, 4], [0, 0]]), [[0.6, 0.8], [0, 0]])


def test_similarity_is_that_of_the_nearest_row():
    reference = np.array([[100, 0], [0, 50]], np.int8)
    np.testing.assert_allclose(compute_similarities(reference, [[1, 0], [3, 4], [0, 0]]), [1, 0.8, 0], atol=1e-6)


def test_similarity_is_that_of_the_device():
    answers = import_program("common/answers.py")
    generator = np.random.default_rng(3)
    reference, features = generator.integers(-127, 128, (40, 96)).astype(np.int8), generator.random((20, 96))
    rows = answers.normalize_rows(reference)
    expected = [answers.compute_similarity(rows, row) for row in features]
    np.testing.assert_allclose(compute_similarities(reference, features), expected, atol=1e-6)
