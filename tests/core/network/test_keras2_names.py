"""Names of Keras 2: the tables of Keras 3 have exactly these."""

from edgetl.core.network import keras2_names


def test_renamed_names_lead_to_known_ones():
    assert set(keras2_names.RENAMED_LAYERS.values()) <= keras2_names.LAYERS
    assert set(keras2_names.RENAMED_FUNCTIONS.values()) <= keras2_names.FUNCTIONS
    assert not set(keras2_names.RENAMED_LAYERS) & keras2_names.LAYERS


def test_no_function_reads_or_writes_files():
    words = ("io.", "py_function", "numpy_function", "raw_ops", "saved_model", "print", "debugging", "load")
    assert not [name for name in keras2_names.FUNCTIONS if any(word in name for word in words)]
