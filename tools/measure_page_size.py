#!/usr/bin/env python3
"""Measure what a browser downloads of a bundle, as it is and compressed by a web server.

    python tools/measure_page_size.py RUN/bundle-browser/bundle --variant relaxed

The files are those that the page keeps for use without a network: all but the golden photos, the programs and pages
for other machines, and the other variants of the runtime. Compressed is gzip at its highest level; files that end in
.gz are compressed in the folder. Prints one line of JSON.
"""

import argparse
import gzip
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from edgetl.core.errors import ConfigError
from tools.errors import report_errors
from tools.results_files import Row

_SUMS = "SHA256SUMS"
# A line is a digest, two spaces and a name.
_DIGEST_LENGTH = 66
_NOT_DOWNLOADED = (".py", ".md")
_VARIANTS = "litert/litert_"
_RUNTIMES = ("litert", "onnx")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what a browser downloads of a bundle.")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("--variant", default="relaxed", help="of LiteRT.js (%(default)s)")
    options = parser.parse_args()
    print(json.dumps(measure_download(options.bundle, options.variant)))


def measure_download(bundle: Path, variant: str) -> Row:
    """Return the bytes of the files that a browser downloads, and those of each part of the page, compressed.

    Raises:
        ConfigError: the folder is no bundle.
    """
    sums = bundle / _SUMS
    if not sums.is_file():
        raise ConfigError("the folder is no bundle", where=(bundle,), hint="edgetl build PHOTOS --target browser")
    lines = [line for line in sums.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    names = [_SUMS, "sw.js", *select_downloads((line[_DIGEST_LENGTH:] for line in lines), variant)]
    row: Row = {"files": len(names), "bytes": 0, "runtime": 0, "model": 0, "features": 0, "page": 0}
    for name in names:
        content = (bundle / name).read_bytes()
        row["bytes"] += len(content)
        row[find_part(name)] += len(content) if name.endswith(".gz") else len(gzip.compress(content, 9))
    return {**row, "compressed": sum(row[part] for part in ("runtime", "model", "features", "page"))}


def select_downloads(names: Iterable[str], variant: str) -> list[str]:
    """Select the files that sw.js keeps in a browser with a variant of the runtime."""
    return [
        name
        for name in names
        if not name.startswith("golden/")
        and PurePosixPath(name).suffix not in _NOT_DOWNLOADED
        and name != "sw.js"
        and (not name.startswith(_VARIANTS) or name.startswith(f"{_VARIANTS}{variant}."))
    ]


def find_part(name: str) -> str:
    """Return the part of the page that a file belongs to."""
    if PurePosixPath(name).parts[0] in _RUNTIMES:
        return "runtime"
    if name in ("model.tflite", "model.onnx"):
        return "model"
    return "features" if name == "features.npy" else "page"


if __name__ == "__main__":
    with report_errors():
        main()
