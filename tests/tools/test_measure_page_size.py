import gzip

import pytest

from edgetl.core.errors import ConfigError
from tools.measure_page_size import measure_download, select_downloads


def write_bundle(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    sums = "# sums\n" + "".join(f"{'0' * 64}  {name}\n" for name in files)
    (folder / "SHA256SUMS").write_text(sums)
    return sums.encode()


def test_parts_are_compressed_and_files_of_other_machines_left_out(tmp_path):
    files = {
        "app.js": b"a" * 1000,
        "sw.js": b"s" * 50,
        "model.onnx": b"m" * 2000,
        "features.npy": b"f" * 500,
        "onnx/ort_simd.wasm.gz": bytes(range(256)),
        "golden/0.jpg": b"g" * 9000,
        "serve.py": b"p" * 9000,
        "BROWSER.md": b"d" * 9000,
    }
    sums = write_bundle(tmp_path, files)
    row = measure_download(tmp_path, "simd")
    assert row["files"] == 6 and row["bytes"] == 1000 + 50 + 2000 + 500 + 256 + len(sums)
    # Files that are compressed already are not compressed again.
    assert row["runtime"] == 256
    assert row["model"] == len(gzip.compress(files["model.onnx"], 9))
    assert row["features"] == len(gzip.compress(files["features.npy"], 9))
    assert row["page"] == sum(len(gzip.compress(content, 9)) for content in (files["app.js"], files["sw.js"], sums))
    assert row["compressed"] == sum(row[part] for part in ("runtime", "model", "features", "page"))


def test_one_variant_is_downloaded():
    names = [f"litert/litert_{variant}.{suffix}" for variant in ("relaxed", "compat") for suffix in ("js", "wasm.gz")]
    assert select_downloads([*names, "litert/litert.js"], "compat") == [*names[2:], "litert/litert.js"]


def test_another_folder_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="is no bundle"):
        measure_download(tmp_path, "relaxed")
