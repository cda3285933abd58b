"""earlier_results.py: what was made from an earlier model has another name and a note."""

from edgetl.core.run.earlier_results import name_earlier, remove_earlier, set_aside


def test_finished_stages_are_renamed_with_a_note(tmp_path):
    for name in ("bundle-tflite", "bundle-onnx", "convert-tflite-int8"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    set_aside(tmp_path, "bundle-*", "train was made again")
    assert {path.name for path in tmp_path.iterdir()} == {
        "earlier-bundle-tflite",
        "earlier-bundle-onnx",
        "convert-tflite-int8",
    }
    folder = tmp_path / "earlier-bundle-onnx"
    assert (folder / "file").read_text() == "bundle-onnx"
    assert (folder / "README.txt").read_text() == (
        "bundle-onnx is out of date: train was made again.\nedgetl build makes it again.\n"
    )


def test_latest_of_a_name_is_kept_and_can_be_removed(tmp_path):
    for content in ("old", "new"):
        (tmp_path / "bundle-tflite").mkdir()
        (tmp_path / "bundle-tflite" / content).touch()
        set_aside(tmp_path, "bundle-*", "train was made again")
    folder = name_earlier(tmp_path / "bundle-tflite")
    assert {path.name for path in folder.iterdir()} == {"new", "README.txt"}
    remove_earlier(tmp_path / "bundle-tflite")
    remove_earlier(tmp_path / "bundle-tflite")
    assert list(tmp_path.iterdir()) == []


def test_links_and_files_are_left_alone(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bundle-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "run" / "bundle-file").touch()
    set_aside(tmp_path / "run", "bundle-*", "train was made again")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"bundle-link", "bundle-file"}
    assert list((tmp_path / "elsewhere").iterdir()) == []
