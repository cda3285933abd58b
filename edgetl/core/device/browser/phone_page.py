"""model.json → a page on what a program for Android or iOS must repeat, and raw files to test it with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.formats import find_format

PAGE = "PHONES.md"
PIXELS, OUTPUTS = "golden/pixels.bin", "golden/outputs.bin"

_FITS = {
    "crop": "cut out the largest centred part with the shape {width} : {height}. Its size and its corner are "
    "real numbers: "
    "for a photo of w x h pixels that is wider, it is h * {width} / {height} wide and h high",
    "stretch": "take all of the photo, whatever its shape",
    "pad": "scale all of the photo so that it fits into {width} x {height}, and set black bars at its sides: "
    "the side that "
    "does not fill is rounded to the nearest integer, halves to the even one, and the bar above or on the left "
    "is rounded "
    "down",
}


def write_phone_files(facts: Mapping[str, Any], pixels: np.ndarray, outputs: np.ndarray) -> dict[str, bytes]:
    """Write the page, and the golden pixels and outputs as raw bytes, by their path in a bundle.

    Args:
        facts: the content of model.json.
        pixels: uint8 [photos, height, width, 3], of the golden photos.
        outputs: [photos, units], in the dtype of the output tensor.
    """
    return {
        PAGE: describe_phone_program(facts).encode(),
        PIXELS: np.ascontiguousarray(pixels).tobytes(),
        OUTPUTS: np.ascontiguousarray(outputs.astype(outputs.dtype.newbyteorder("<"))).tobytes(),
    }


def describe_phone_program(facts: Mapping[str, Any]) -> str:
    """Describe in Markdown what a program in Kotlin or Swift must do to get the answers of the build."""
    image, output = facts["input"], facts["output"]
    runtime = find_format(Path(facts["model"])).runtime
    sides = {"width": image["width_px"], "height": image["height_px"]}
    lines = [
        "# This model in a program for Android or iOS",
        "",
        f"`{facts['model']}` runs on {runtime}. A program gets the answers of the build if it repeats what is below.",
        "",
        "## From a photo to the input",
        "",
        "1. Decode the photo to RGB with 8 bits. Ignore its colour profile, and apply its EXIF orientation. A "
        "JPEG whose "
        "shorter side has at least twice 192 pixels may be decoded at 1/2, 1/4 or 1/8, as the build did: see "
        "`pixels.py`.",
        f"2. Fit it: {_FITS[image['fit']].format(**sides)}.",
        f"3. Resize that part to {sides['width']} x {sides['height']} with an antialiased bilinear filter: each "
        f"pixel is the "
        "mean of all pixels below a triangle whose half width is the scale, at least 1. The longer side first, each "
        "pass rounded to integers. The resize functions of both "
        "systems have other filters, with which the answers may differ. `pixels.js` has the arithmetic in 200 lines.",
        f"4. The input tensor is {image['dtype']} {image['shape']}: batch, height, width, and red, green, blue."
        + _describe_scale("A value of 0..255 becomes round(value / {scale}) + {zero_point}", image),
        "",
        "The model contains all further scaling.",
        "",
        "## From the output to an answer",
        "",
        f"The output tensor is {output['dtype']} {output['shape']}, after {output['activation']}."
        + _describe_scale("A probability is (value - {zero_point}) * {scale}", output),
        f"Its labels, in order: {json.dumps(output['labels'], ensure_ascii=False)}.",
        *_describe_thresholds(facts),
        "",
        "## Files to test with",
        "",
        f"- `{PIXELS}`: the input of the {len(facts['golden'])} photos in `golden/`, one after the other: "
        f"{image['height_px'] * image['width_px'] * 3} bytes each.",
        f"- `{OUTPUTS}`: the outputs of the build, {output['shape'][-1]} values of {output['dtype']} each, the "
        f"lowest byte "
        "first.",
        f"- From these inputs, an output may differ from that of the build by at most "
        f"{facts['tolerances']['output']:g}.",
        f"- The photos, in order: {', '.join(facts['golden'])}.",
    ]
    return "\n".join(lines) + "\n"


def _describe_scale(sentence: str, tensor: Mapping[str, Any]) -> str:
    """Describe a quantized tensor; the identity and a tensor of floats need no sentence."""
    if not tensor["scale"] or (tensor["scale"], tensor["zero_point"]) == (1, 0):
        return ""
    return " " + sentence.format(**tensor) + "."


def _describe_thresholds(facts: Mapping[str, Any]) -> list[str]:
    thresholds = facts["output"].get("thresholds")
    lines = []
    if thresholds:
        lines += ["", f"A photo has each label whose probability reaches its threshold: {json.dumps(thresholds)}."]
    answers = facts.get("answers")
    if not answers:
        return lines
    lines += [
        "",
        f"The second output is the features of the photo. `{answers['reference']}` has the features of training "
        f"photos, one "
        "row each, int8. The similarity of a photo is the largest cosine between its features and a row. Features that "
        "the file quantizes are dequantized first, with the scale of that tensor in the file.",
        "",
        f'- Below these similarities the answer is "none of these": {json.dumps(answers["least_similarities"])}.',
    ]
    if "least_probability" in answers:
        lines.append(f'- Else, below a probability of {answers["least_probability"]:g}, the answer is "unsure".')
    return lines
