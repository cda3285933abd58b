#!/usr/bin/env python3
"""Measure the memory of the page of a bundle for browsers, minute by minute, in a headless browser.

    python tools/measure_page_memory.py RUN/bundle-browser/bundle PHOTOS --minutes 60 --rate 5

The page of the bundle is open as for a user: it gets photos as chosen files, decodes, predicts and shows them, so
many each second. A photo is left out where the prediction of the last one is not shown yet. After each minute a line
of JSON has the memory of the page with its worker and all its objects, that of WebAssembly, which is part of it, and
the resident memory of the process of the page and of all processes of the browser. The last line has the first, last
and largest value of each, and its growth: the slope of a line through the second half of the minutes.
"""

import argparse
import base64
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

from edgetl.core.errors import ConfigError, StageError
from edgetl.engines.browser.folder_server import serve_folder
from edgetl.engines.browser.session import run_in_page
from tools.errors import report_errors
from tools.measure_browser import fit_growth
from tools.results_files import Row, describe_machine

_MINUTE_S = 60
_LOAD_TIMEOUT_MS = 120_000
_KEYS = ("page_bytes", "webassembly_bytes", "page_process_bytes", "browser_bytes")

# Photos go the way of a chosen file: the page reads, draws, predicts and shows them.
_START = """async ([photos, rateHz]) => {
  const files = photos.map((text, number) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new File([bytes], `photo${number}.jpg`, { type: "image/jpeg" });
  });
  const input = document.getElementById("file");
  const counts = { chosen: 0, shown: 0, leftOut: 0 };
  // Each prediction replaces the list of the steps.
  new MutationObserver(() => { counts.shown += 1; }).observe(document.getElementById("steps"), { childList: true });
  setInterval(() => {
    if (counts.chosen > counts.shown) {
      counts.leftOut += 1;
      return;
    }
    const transfer = new DataTransfer();
    transfer.items.add(files[counts.chosen % files.length]);
    counts.chosen += 1;
    input.files = transfer.files;
    input.dispatchEvent(new Event("change"));
  }, 1000 / rateHz);
  window.counts = counts;
}"""
# Garbage is collected before the memory is measured.
_READ = """async () => {
  const { bytes } = await performance.measureUserAgentSpecificMemory();
  return { ...window.counts, bytes, message: document.getElementById("message").textContent };
}"""
# `functions` is the table of calls in model_worker.js.
_READ_WEBASSEMBLY = "() => functions.memory()"


def main() -> None:
    """Measure, and print one line of JSON for each minute and one for all."""
    options = _parse_options()
    rows: list[Row] = []

    def keep(row: Row) -> None:
        rows.append(row)
        print(json.dumps(row), flush=True)

    measure_page(options.bundle, options.paths, options.rate, options.minutes, keep)
    print(json.dumps({"machine": describe_machine(), **summarize_memory(rows)}))


def measure_page(
    bundle: Path, paths: Sequence[Path], rate_hz: float, minutes: int, keep: Callable[[Row], None]
) -> None:
    """Open the page of a bundle and let it classify photos.

    Args:
        bundle: the folder.
        paths: JPEG files.
        rate_hz: photos each second.
        minutes: how long.
        keep: called with the row of each minute.

    Raises:
        StageError: the browser does not start, or the page fails.
    """
    photos = [base64.b64encode(path.read_bytes()).decode("ascii") for path in paths]

    def drive(page: Page) -> None:
        page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=_LOAD_TIMEOUT_MS)
        browser = page.context.browser
        assert browser is not None
        session = browser.new_browser_cdp_session()
        page.evaluate(_START, [photos, rate_hz])
        start = time.monotonic()
        for minute in range(1, minutes + 1):
            # The wait of Playwright, because it reads the messages of the browser meanwhile.
            page.wait_for_timeout(max(0, 1000 * (start + _MINUTE_S * minute - time.monotonic())))
            keep({"minute": minute, **_read_memory(page, session)})

    with serve_folder(bundle) as address:
        run_in_page(address, drive)


def _read_memory(page: Page, session: CDPSession) -> Row:
    reading: dict[str, Any] = page.evaluate(_READ)
    if reading["message"]:
        raise StageError(f"the page shows an error: {reading['message']}")
    (worker,) = page.workers
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    resident = {process["id"]: read_resident_bytes(process["id"]) for process in processes}
    return {
        "photos": reading["shown"],
        "left_out": reading["leftOut"],
        "page_bytes": reading["bytes"],
        "webassembly_bytes": worker.evaluate(_READ_WEBASSEMBLY),
        "page_process_bytes": sum(resident[row["id"]] for row in processes if row["type"] == "renderer"),
        "browser_bytes": sum(resident.values()),
    }


def read_resident_bytes(process: int, folder: Path = Path("/proc")) -> int:
    """Return the resident memory of a process of Linux; 0 for one that has ended."""
    try:
        lines = (folder / str(process) / "status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    # Source: man 5 proc_pid_status: "VmRSS:      1234 kB", in units of 1024 bytes.
    values = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")]
    return values[0] if values else 0


def summarize_memory(rows: Sequence[Row]) -> Row:
    """Summarize the rows of all minutes: first, last and largest value of each kind of memory, and its growth."""
    summary: Row = {"minutes": len(rows), "photos": rows[-1]["photos"], "left_out": rows[-1]["left_out"]}
    minutes = [row["minute"] for row in rows]
    for key in _KEYS:
        values = [row[key] for row in rows]
        # A line through less than three points has no standard error.
        growth = [round(value) for value in fit_growth(minutes, values)] if len(rows) >= 6 else []
        summary[key] = {
            "first": values[0],
            "last": values[-1],
            "largest": max(values),
            "growth_and_standard_error_per_minute": growth,
        }
    return summary


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the memory of the page of a bundle, minute by minute.")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("folder", type=Path, metavar="PHOTOS")
    parser.add_argument("--minutes", type=int, default=60, help="how long (%(default)s)")
    parser.add_argument("--rate", type=float, default=5, help="photos each second (%(default)s)")
    parser.add_argument("--photos", type=int, default=20, help="how many files, in turn (%(default)s)")
    options = parser.parse_args()
    if not (options.bundle / "index.html").is_file():
        raise ConfigError(
            "the folder has no page", where=(options.bundle,), hint="edgetl build PHOTOS --target browser"
        )
    paths = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    options.paths = paths[:: max(1, -(-len(paths) // options.photos))]
    if not options.paths:
        parser.error(f"no JPEG files in {options.folder}")
    return options


if __name__ == "__main__":
    with report_errors():
        main()
