"""Sets of files that are made for a bundle from its records: name in `[payload] generate` → function.

A function takes the records and the other files of the bundle, and returns files by their path in the bundle.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.device import answer_facts, bundle_files
from edgetl.core.device.browser.npm_packages import LITERT_THREADS, ONNX_WEB
from edgetl.core.device.browser.phone_page import write_phone_files
from edgetl.core.device.browser.runtime_files import fetch_runtime, read_runtime
from edgetl.core.device.bundle_files import BundleContents
from edgetl.core.device.target_schema import GeneratorName
from edgetl.core.errors import StageError
from edgetl.core.microcontroller.contents import FirmwareContents, GoldenPhoto
from edgetl.core.microcontroller.firmware import write_firmware
from edgetl.core.microcontroller.lookup_tables import write_compressed_files
from edgetl.core.microcontroller.npu import require_vela, write_npu_files
from edgetl.core.storage.arrays import read_array
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, read_regular

# Each takes side * side * 3 bytes of flash where the self-check is linked.
_GOLDEN_PHOTOS = 3


def generate_firmware(contents: BundleContents, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Generate the C files of a model for a microcontroller.

    Raises:
        StageError: the memory of the file was not measured, or it has an operator or dtype that they do not support.
    """
    trained, artifact = contents.trained, contents.artifact
    if not contents.memory or contents.memory[0].artifact_sha256 != artifact.sha256:
        raise StageError("the memory of the file was not measured", where=(artifact.path,))
    facts: dict[str, Any] = {}
    reference = np.zeros((0, 0), np.int8)
    for rule in contents.answers:
        facts = answer_facts.describe_answer_rule(rule, multi_label=bool(trained.thresholds))
        reference = read_array(rule.path)
    firmware = write_firmware(
        FirmwareContents(
            model=files[bundle_files.name_model_file(artifact)],
            sha256=artifact.sha256,
            title=contents.target.title,
            input_spec=trained.input,
            image=artifact.input,
            scores=artifact.output,
            labels=trained.classes,
            label_thresholds=trained.threshold_values,
            memory=contents.memory[0],
            facts=facts,
            reference=reference,
            golden=_select_golden(contents),
        )
    )
    for compressed in contents.memory[0].compressed:
        firmware |= write_compressed_files(compressed, _read_made(compressed.path, compressed.sha256))
    return firmware


def copy_litert_js(contents: BundleContents, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Copy the runtime for browsers, which `edgetl fetch browser` has fetched.

    Raises:
        ConfigError: it has not been fetched, or has changed.
    """
    del contents, files
    return read_runtime()


def copy_litert_threads(contents: BundleContents, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Copy the variant of the runtime with threads, which `edgetl fetch browser-threads` has fetched.

    Raises:
        ConfigError: it has not been fetched, or has changed.
    """
    del contents, files
    return read_runtime(LITERT_THREADS)


def copy_onnx_web(contents: BundleContents, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Copy the runtime of ONNX files for browsers, which `edgetl fetch browser-onnx` has fetched.

    Raises:
        ConfigError: it has not been fetched, or has changed.
    """
    del contents, files
    return read_runtime(ONNX_WEB)


def generate_ethos_u(contents: BundleContents, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Copy the file that Vela has compiled for the NPU of the target, with a page about it.

    Raises:
        StageError: the file was not compiled, or has changed since.
    """
    del files
    memory = [use for use in contents.memory if use.artifact_sha256 == contents.artifact.sha256]
    if not memory or not memory[0].npu:
        raise StageError("the file was not compiled for an NPU", where=(contents.artifact.path,))
    (compiled,) = memory[0].npu
    return write_npu_files(compiled, _read_made(compiled.path, compiled.sha256))


def generate_phone_page(contents: BundleContents, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Generate the page for programs on Android and iOS, and raw files to test them with."""
    return write_phone_files(json.loads(files["model.json"]), contents.golden.pixels, contents.golden.outputs)


def _read_made(path: Path, sha256: str) -> bytes:
    """Read a file that another stage has made.

    Raises:
        StageError: it has changed since.
    """
    content = read_regular(path, LARGEST_MODEL_BYTES, follow_links=False)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StageError("the file changed since it was made", where=(path,))
    return content


def _select_golden(contents: BundleContents) -> list[GoldenPhoto]:
    golden, classes = contents.golden, contents.trained.classes
    names = bundle_files.name_golden_files(golden.photos, contents.dataset.classes)
    answers = golden.answers or [_answer_without_thresholds(row, classes) for row in golden.outputs]
    return [
        GoldenPhoto(
            name=names[index],
            pixels=golden.pixels[index],
            outputs=golden.outputs[index],
            label=classes.index(answers[index]["label"]),
            known=answers[index]["known"],
            accepted=answers[index]["accepted"],
        )
        for index in range(min(_GOLDEN_PHOTOS, len(names)))
    ]


def _answer_without_thresholds(outputs: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer of a model without features: the most probable label."""
    # One output is the probability of the second label, in steps of 1/256. Of equal ones, the first label counts.
    label = int(outputs[0] > 128) if len(outputs) == 1 else int(outputs.argmax())
    return {"label": classes[label], "known": True, "accepted": True}


GENERATORS: Mapping[GeneratorName, Callable[[BundleContents, Mapping[str, bytes]], dict[str, bytes]]] = {
    "ethos_u": generate_ethos_u,
    "litert_js": copy_litert_js,
    "litert_threads": copy_litert_threads,
    "microcontroller": generate_firmware,
    "onnx_web": copy_onnx_web,
    "phone_page": generate_phone_page,
}

# What a generator needs on this machine, which is fetched before a training and not after it.
_PREPARATIONS: Mapping[GeneratorName, Callable[[], object]] = {
    "ethos_u": require_vela,
    "litert_js": fetch_runtime,
    "litert_threads": partial(fetch_runtime, LITERT_THREADS),
    "onnx_web": partial(fetch_runtime, ONNX_WEB),
}


def prepare_generators(names: Iterable[GeneratorName]) -> None:
    """Fetch what generators need, unless it is in the cache.

    Raises:
        ConfigError: it cannot be downloaded.
        StageError: another file was downloaded than the published one.
    """
    for name in names:
        if name in _PREPARATIONS:
            _PREPARATIONS[name]()
