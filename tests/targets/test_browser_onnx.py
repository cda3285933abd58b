"""The page of the target browser-onnx: its runtime module under Node, and its self-check in headless Chromium."""

import asyncio
import dataclasses
import gzip
import shutil
from pathlib import Path

import pytest

from edgetl.core.device import targets
from edgetl.engines.browser.folder_server import serve_folder
from tests.fixtures.browser import CHROMIUM
from tests.fixtures.node import BROWSER_ONNX_TARGET, BROWSER_TARGET, NODE, run_node
from tests.fixtures.runs import build_in
from tests.targets.test_browser_page import open_page

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")

# The runtime, reduced to what the page calls. Its WebAssembly is started by the module in its settings.
RUNTIME = """
export const env = { wasm: {} };
export class Tensor {
  constructor(type, data, dims) { Object.assign(this, { type, data, dims }); }
}
export const InferenceSession = {
  async create(file, options) {
    const { default: start } = await import(env.wasm.wasmPaths.mjs);
    await start({ wasmBinary: env.wasm.wasmBinary });
    globalThis.created = { file: [...file], options, threads: env.wasm.numThreads };
    const run = async (feeds) => {
      globalThis.feeds = feeds;
      return { features: { data: Float32Array.of(3, 4) }, scores: { data: Float32Array.of(0.25, 0.75) } };
    };
    return { inputNames: ["image"], outputNames: globalThis.names, run };
  },
};
"""
START = """
export default async ({ wasmBinary }) => {
  globalThis.wasm = [...wasmBinary];
  return { HEAPU8: new Uint8Array(7) };
};
"""
PREDICT = """
globalThis.names = values.names;
globalThis.fetch = async (address) => new Response(readFileSync(new URL(address)));
const { Model, chooseVariant } = await import("./runtime.js");
const base = new URL("./", import.meta.url);
const facts = { model: "model.onnx", input: { dtype: values.dtype, shape: [1, 1, 2, 3], scale: 0, zero_point: 0 } };
const model = await Model.load(base, facts, await chooseVariant(base));
const { output, features } = await model.predict(Uint8Array.of(0, 1, 2, 253, 254, 255));
const { type, data, dims } = feeds.image;
result = {
  ...created, wasm, type, data: [...data], dims, output: [...output], features: features && [...features],
  outputs: model.outputs, memory: model.memoryBytes, variant: model.variant, accelerated: model.accelerated,
};
"""


def predict(folder: Path, dtype: str, names: list[str]) -> dict:
    """Predict one photo with the runtime module of the page and the small runtime above."""
    (folder / "onnx").mkdir()
    (folder / "onnx" / "ort.js").write_text(RUNTIME)
    (folder / "onnx" / "ort_wasm.js").write_text(START)
    (folder / "onnx" / "ort_simd.wasm.gz").write_bytes(gzip.compress(b"\0asm"))
    (folder / "model.onnx").write_bytes(b"onnx")
    values = {"dtype": dtype, "names": names}
    return run_node(folder, PREDICT, values, (BROWSER_TARGET, BROWSER_ONNX_TARGET))


@pytest.mark.skipif(NODE is None, reason="Node is not installed: apt install nodejs")
def test_file_runs_on_one_thread_of_the_processor_with_the_settings_of_the_build(tmp_path):
    result = predict(tmp_path, "uint8", ["scores", "features"])
    assert result["wasm"] == list(b"\0asm") and result["file"] == list(b"onnx")
    assert result["threads"] == 1 and result["options"]["executionProviders"] == ["wasm"]
    # The settings of runtime.py of the target onnx, but for threads.
    session = result["options"]["extra"]["session"]
    assert session == {"qdqisint8allowed": "1", "qdq_matmulnbits_accuracy_level": "1"}
    text = BROWSER_TARGET.with_name("onnx").joinpath("runtime.py").read_text(encoding="utf-8")
    assert all(f'"session.{name}": "{value}"' in text for name, value in session.items())
    assert (result["output"], result["features"]) == ([0.25, 0.75], [3, 4])
    assert result["outputs"] == [{"scale": 0, "zeroPoint": 0}] * 2
    assert (result["memory"], result["variant"], result["accelerated"]) == (7, "simd", True)


@pytest.mark.skipif(NODE is None, reason="Node is not installed: apt install nodejs")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_photo_is_the_input_in_the_dtype_of_the_file(tmp_path, dtype):
    result = predict(tmp_path, dtype, ["scores"])
    assert (result["type"], result["dims"]) == (dtype, [1, 1, 2, 3])
    assert result["data"] == [0, 1, 2, 253, 254, 255] and result["features"] is None


@pytest.fixture(scope="module")
def onnx_browser_bundle(built_both, order, onnx_browser_runtime, tmp_path_factory):
    """The shared run, built for the target browser-onnx: its result."""
    del onnx_browser_runtime
    pytest.importorskip("playwright", reason="playwright is not installed: pip install 'edgetl[browser]'")
    run = Path(shutil.copytree(built_both.run, tmp_path_factory.mktemp("browser-onnx") / "run"))
    return build_in(run, dataclasses.replace(order, targets=(targets.find_target("browser-onnx"),))).targets[0]


@pytest.mark.slow
@needs_browser
def test_verdict_is_on_the_predictions_in_a_browser(onnx_browser_bundle):
    verdict = onnx_browser_bundle.verdict
    assert [hop.name for hop in verdict.hops[2:4]] == ["int8, onnxruntime", "int8, a browser (ONNX Runtime Web)"]
    assert verdict.hops[3].agreement == 1.0 and verdict.not_judged == ""
    assert verdict.accuracy == verdict.hops[3].accuracy


@pytest.mark.slow
@needs_browser
def test_self_check_passes(onnx_browser_bundle, tmp_path):
    async def check(address):
        async with open_page(tmp_path / "profile") as page:
            await page.call("Page.navigate", url=f"{address}selfcheck.html")
            await page.wait_until("document.documentElement?.dataset.result !== undefined", 60)
            rows = await page.evaluate("[...document.querySelectorAll('#checks tr')].map((row) => row.innerText)")
            assert await page.read_text("result") == "This browser computes what the build computed.", rows
            assert "ONNX Runtime Web, simd, MLAS runs" in rows[-1]
            assert page.errors == []
            assert all(request.startswith((address, "blob:")) for request in page.requests)

    with serve_folder(onnx_browser_bundle.bundle.root) as address:
        asyncio.run(asyncio.wait_for(check(address), 180))
