"""Containers of model files: each hostile file is refused with a sentence, before anything is unpacked or allocated."""

import tracemalloc

import h5py
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external import file_bounds
from edgetl.engines.keras.external.file_bounds import check_container, check_model_file
from tests.engines.keras.external.hostile_files import DECLARED, LOADED
from tests.fixtures.special_files import SPECIAL_FILES, make_special


@pytest.mark.parametrize("name", DECLARED)
def test_hostile_file_is_refused_before_it_is_loaded(name, valid_model, tmp_path):
    write, match = DECLARED[name]
    path = write(valid_model, tmp_path / "model.keras")
    assert path.stat().st_size < 3_000_000
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match=match) as caught:
            check_model_file(path)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.where == (str(path),)


def test_valid_file_is_accepted(valid_model):
    check_container(valid_model)
    check_model_file(valid_model)


def test_container_is_checked_without_opening_an_hdf5_file(valid_model, tmp_path, monkeypatch):
    """A damaged HDF5 file may end the process that opens it."""
    monkeypatch.setattr(file_bounds.h5py, "File", lambda *_: pytest.fail("an HDF5 file was opened"))
    check_container(valid_model)
    (tmp_path / "model.h5").write_bytes(b"damaged")
    check_container(tmp_path / "model.h5")
    for name in ("PyTorch", "10**12 units", "truncated"):
        with pytest.raises(ConfigError):
            check_container(DECLARED[name][0](valid_model, tmp_path / "model.keras"))


def test_damaged_weights_in_an_archive_are_refused(valid_model, tmp_path):
    content = bytearray(valid_model.read_bytes())
    start = content.index(b"\x89HDF")
    content[start + 600 : start + 700] = bytes(100)
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ConfigError, match="not a Keras model that can be read"):
        check_model_file(tmp_path / "model.keras")


@pytest.mark.parametrize("name", LOADED)
def test_file_that_declares_nothing_too_large_is_accepted_or_refused_with_a_sentence(name, valid_model, tmp_path):
    path = LOADED[name][0](valid_model, tmp_path / "model.keras")
    try:
        check_model_file(path)
    except ConfigError as error:
        assert error.where == (str(path),)


# A folder may be a SavedModel: see test_model_kinds.py.
@pytest.mark.parametrize("kind", [kind for kind in SPECIAL_FILES if kind != "folder"])
def test_special_file_is_refused_at_once(kind, tmp_path):
    with pytest.raises(ConfigError, match=f"the model file cannot be read: it is {SPECIAL_FILES[kind]}"):
        check_model_file(make_special(kind, tmp_path))


def test_other_kind_of_file_is_refused(tmp_path):
    (tmp_path / "model.pt").touch()
    with pytest.raises(ConfigError, match="a model of PyTorch"):
        check_container(tmp_path / "model.pt")


def test_file_over_the_limit_is_refused(tmp_path):
    with (tmp_path / "model.h5").open("wb") as file:
        file.truncate(file_bounds.LARGEST_MODEL_BYTES + 1)
    with pytest.raises(ConfigError, match="over the limit of 2048 MiB"):
        check_model_file(tmp_path / "model.h5")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_truncated_h5_file_has_a_hint(tmp_path, kept):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = [1.0] * 1000
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ConfigError, match=r"not a \.h5 file that can be read") as caught:
        check_model_file(path)
    assert caught.value.where == (str(path),)
    assert caught.value.hint.startswith("copy or download the file again")
