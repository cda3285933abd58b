"""stage_archive.py: finished stages are sent to another run folder; nothing leads out of it."""

from pathlib import Path

import pytest

from edgetl.core.errors import StageError
from edgetl.core.run.stage_archive import pack_stages, unpack_stages


def write_stage(root: Path, name: str, content: bytes = b"1") -> None:
    folder = root / name / "inner"
    folder.mkdir(parents=True)
    (root / name / f"{name.partition('-')[0]}.json").write_bytes(b"{}")
    (folder / "file").write_bytes(content)


def test_finished_stages_are_the_same_in_the_other_folder(tmp_path):
    write_stage(tmp_path / "a", "train")
    write_stage(tmp_path / "a", "convert-tflite-int8", b"\0\1")
    (tmp_path / "b").mkdir()
    stages = pack_stages(tmp_path / "a")
    unpack_stages(tmp_path / "b", stages)
    assert pack_stages(tmp_path / "b") == stages
    assert (tmp_path / "b" / "convert-tflite-int8" / "inner" / "file").read_bytes() == b"\0\1"


def test_only_finished_stages_are_packed(tmp_path):
    write_stage(tmp_path, "train")
    write_stage(tmp_path, ".convert.tmp")
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "order.json").write_text("{}")
    (tmp_path / "train" / "link").symlink_to("/etc/hostname")
    assert {name: set(files) for name, files in pack_stages(tmp_path).items()} == {
        "train": {"train.json", "inner/file"}
    }


def test_stage_of_the_same_name_is_replaced_whole(tmp_path):
    write_stage(tmp_path, "train")
    unpack_stages(tmp_path, {"train": {"train.json": b"new"}})
    assert pack_stages(tmp_path) == {"train": {"train.json": b"new"}}


@pytest.mark.parametrize(
    "stages", [{"../out": {}}, {"a/b": {}}, {"": {}}, {"/a": {}}, {"a": {"../../out": b""}}, {"a": {"/out": b""}}]
)
def test_name_that_leads_out_is_refused(tmp_path, stages):
    (tmp_path / "run").mkdir()
    with pytest.raises(StageError, match="leads out of its folder"):
        unpack_stages(tmp_path / "run", stages)
    assert [path.name for path in tmp_path.rglob("*")] == ["run"]
