"""The JavaScript of the browser target under Node, compared with the programs of the other targets."""

import io
import json
import shutil

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from edgetl.core.device import bundle_files
from edgetl.core.device.answer_facts import load_answer_program
from edgetl.core.device.bundle_files import GoldenSet
from edgetl.core.photos import pixels
from tests.fixtures.node import BROWSER_TARGET, NODE, run_node
from tests.fixtures.payload import import_program

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed: apt install nodejs")

_READ = """
const read = (name) => Uint8Array.from(readFileSync(name)).buffer;
"""


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_golden_arrays_are_read(tmp_path, dtype):
    golden = GoldenSet(
        photos=(),
        pixels=np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
        outputs=np.array([[-3, 7.5]]).astype(dtype),
    )
    (tmp_path / "arrays.npz").write_bytes(bundle_files.pack_golden_arrays(golden))
    program = 'import { readNpz } from "./model_files.js";' + _READ + 'result = readNpz(read("arrays.npz"));'
    program += "for (const array of Object.values(result)) array.data = [...array.data];"
    result = run_node(tmp_path, program)
    assert result == {
        name: {"data": array.ravel().tolist(), "shape": list(array.shape)}
        for name, array in (("pixels", golden.pixels), ("outputs", golden.outputs))
    }


def test_scales_of_a_file_are_those_of_litert(answer_bundles, tmp_path):
    for kind, bundle in answer_bundles.items():
        shutil.copy(bundle / "model.tflite", tmp_path)
        program = (
            'import { readOutputs } from "./model_files.js";' + _READ + 'result = readOutputs(read("model.tflite"));'
        )
        details = Interpreter(model_path=str(bundle / "model.tflite")).get_output_details()
        expected = [(*map(float, output["quantization"]), int(output["shape"][-1])) for output in details]
        actual = [(output["scale"], output["zeroPoint"], output["units"]) for output in run_node(tmp_path, program)]
        assert actual == expected, kind


def test_answers_are_those_of_answers_py(tmp_path):
    noise = np.random.default_rng(3)
    labels = ["a", "b", "c"]
    reference = noise.integers(-128, 128, (5, 16), dtype=np.int8)
    facts = {
        "output": {"labels": labels},
        "answers": {"least_probability": 0.5, "least_similarities": {"a": 0.3, "b": 0.5, "c": -1.0}},
    }
    outputs = noise.dirichlet(np.ones(3), 40).astype(np.float32)
    features = noise.normal(0, 40, (40, 16)).astype(np.float32)
    features[0] = 0
    features[1] = reference[2]
    program = """
import { Answers } from "./answers.js";
const { facts, reference, outputs, features } = values;
const shape = [reference.length, reference[0].length];
const answers = new Answers(facts, { data: Int8Array.from(reference.flat()), shape });
result = outputs.map((output, row) => answers.answer(Float32Array.from(output), Float32Array.from(features[row])));
"""
    values = {
        "facts": facts,
        "reference": reference.tolist(),
        "outputs": outputs.tolist(),
        "features": features.tolist(),
    }
    results = run_node(tmp_path, program, values)
    thresholds = load_answer_program().Thresholds(facts, reference)
    kinds = set()
    for result, output, row in zip(results, outputs, features, strict=True):
        expected = thresholds.answer(dict(zip(labels, map(float, output), strict=True)), row)
        assert (result["label"], result["second"]) == (expected.label, expected.second)
        assert (result["known"], result["accepted"]) == (expected.known, expected.accepted)
        assert result["similarity"] == pytest.approx(expected.similarity, abs=1e-6)
        kinds.add(result["kind"])
    assert kinds == {"label", "unsure", "none"}


def test_several_labels_and_one_sigmoid_output(tmp_path):
    program = """
import { Answers, dequantize, rankLabels } from "./answers.js";
const several = new Answers({ output: { labels: ["a", "b", "c"], thresholds: [0.5, 0.2, 0.9] } }, null);
result = [
  several.answer([0.4, 0.3, 0.95], null).names,
  several.answer([0.1, 0.1, 0.1], null).names,
  rankLabels([0.75], ["no", "yes"]),
  rankLabels([0.5, 0.5], ["first", "second"])[0][0],
  [...dequantize([-128, 127], { scale: 0.5, zeroPoint: -128 })],
];
"""
    assert run_node(tmp_path, program) == [
        ["c", "b"], [], [["yes", 0.75], ["no", 0.25]], "first", [0, 127.5],
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_profile_and_orientation_are_removed_and_the_pixels_stay(tmp_path, kind):
    image = Image.fromarray(np.random.default_rng(5).integers(0, 256, (9, 7, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[274] = 6
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif, icc_profile=b"not a profile" * 10)
    (tmp_path / "photo").write_bytes(buffer.getvalue())
    program = """
import { removeMetadata } from "./photos.js";
const { parts, orientation, kind } = removeMetadata(new Uint8Array(readFileSync("photo")));
writeFileSync("cleaned", Buffer.concat(parts));
result = { orientation, kind };
"""
    assert run_node(tmp_path, program) == {"orientation": 6, "kind": f"image/{kind.lower()}"}
    with Image.open(tmp_path / "cleaned") as cleaned, Image.open(tmp_path / "photo") as photo:
        assert not {"exif", "icc_profile"} & cleaned.info.keys()
        assert np.array_equal(np.asarray(cleaned), np.asarray(photo))


def test_orientation_of_any_block_is_that_of_pixels_py(tmp_path):
    exif = Image.Exif()
    exif[274] = 8
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    noise = np.random.default_rng(9)
    blocks = [block, b"", b"II", b"II*\0" + b"\xff" * 8, block[: len(block) // 2]]
    for _ in range(200):
        damaged = bytearray(block)
        damaged[noise.integers(len(damaged))] = noise.integers(256)
        blocks.append(bytes(damaged))
    program = 'import { readOrientation } from "./photos.js";\n'
    program += "result = values.map((block) => readOrientation(Uint8Array.from(block)));"
    expected = [pixels._read_orientation({"exif": block}) for block in blocks]
    assert run_node(tmp_path, program, [list(block) for block in blocks]) == expected


def test_every_language_has_every_word_and_names_are_harmless(tmp_path):
    program = """
import { chooseLanguage, formatApart, LANGUAGES, makePrintable } from "./text.js";
result = {
  keys: Object.values(LANGUAGES).map((table) => Object.keys(table)),
  chosen: [
    chooseLanguage("http://a/?lang=de", ["en"]), chooseLanguage("http://a/", ["de-AT", "en"]),
    chooseLanguage("http://a/?lang=xx", ["fr"]),
  ],
  name: makePrintable("a\\u202eb\\n"),
  apart: formatApart(0.8999, 0.9, (value, digits) => value.toFixed(digits), 2),
};
"""
    result = run_node(tmp_path, program)
    assert all(keys == result["keys"][0] for keys in result["keys"])
    assert result["chosen"] == ["de", "de", "en"]
    assert result["name"] == "a\\u{202e}b\\u{a}"
    assert result["apart"] == ["0.8999", "0.9000"]


def test_words_of_the_page_are_in_the_table(tmp_path):
    program = """
import { LANGUAGES } from "./text.js";
const page = readFileSync(values, "utf8");
const keys = [...page.matchAll(/data-(?:text|label)="(\\w+)"/g)].map(([, key]) => key);
result = keys.filter((key) => !(key in LANGUAGES.en));
"""
    assert run_node(tmp_path, program, str(BROWSER_TARGET / "index.html")) == []


def test_policy_of_the_pages_is_that_of_the_server():
    serve = import_program("browser/serve.py")
    page = (serve.HERE / "index.html").read_text(encoding="utf-8")
    assert f'content="{serve.POLICY}"' in page
    # Nothing of another origin, no script inside the page, and no evaluation of text.
    assert "unsafe-inline" not in page and "'unsafe-eval'" not in page and "http" not in serve.POLICY
    manifest = json.loads((serve.HERE / "app.webmanifest").read_text(encoding="utf-8"))
    assert all((serve.HERE / icon["src"]).is_file() for icon in manifest["icons"])
