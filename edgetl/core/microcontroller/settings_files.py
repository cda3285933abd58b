"""model_settings.h and model_settings.c: labels, input, output and thresholds of the answers."""

from edgetl.core.microcontroller.c_text import (
    format_double,
    format_float,
    format_header,
    format_integers,
    format_string,
)
from edgetl.core.microcontroller.contents import FirmwareContents

_FITS = {"crop": "EDGETL_CROP", "stretch": "EDGETL_STRETCH", "pad": "EDGETL_PAD"}


def write_settings_header(contents: FirmwareContents) -> str:
    """Write model_settings.h."""
    size = contents.input_spec
    return format_header(
        "model_settings",
        [
            '#include "edgetl_answers.h"',
            '#include "edgetl_resize.h"',
            "",
            "/* Input: uint8 [1, height, width, 3], RGB, 0..255. The model contains all scaling. */",
            f"#define EDGETL_INPUT_WIDTH {size.width_px}",
            f"#define EDGETL_INPUT_HEIGHT {size.height_px}",
            f"#define EDGETL_INPUT_FIT {_FITS[size.fit]}",
            f"#define EDGETL_INPUT_BYTES {size.width_px * size.height_px * 3}u",
            "/* First output: uint8 [1, units], a probability = (output - zero point) * scale. */",
            f"#define EDGETL_OUTPUT_UNITS {contents.scores.shape[-1]}",
            f"#define EDGETL_LABELS {len(contents.labels)}",
            "/* Second output: int8 [1, features]; 0 for a model that never says none of these. */",
            f"#define EDGETL_FEATURES {contents.features}",
            f"#define EDGETL_REFERENCES {len(contents.reference) if contents.features else 0}",
            "",
            "extern const edgetl_settings edgetl_model_settings;",
            "extern const edgetl_size edgetl_model_size;",
        ],
    )


def write_settings_source(contents: FirmwareContents) -> str:
    """Write model_settings.c."""
    labels = contents.labels
    names = "".join(f"    {format_string(name)},\n" for name in labels)
    parts = [f"static const char *const label_names[EDGETL_LABELS] = {{\n{names}}};\n"]
    pointers = {"label_thresholds": "NULL", "least_similarities": "NULL", "reference": "NULL"}
    if contents.label_thresholds:
        parts.append(_format_doubles("label_thresholds", "EDGETL_LABELS", contents.label_thresholds))
        pointers["label_thresholds"] = "label_thresholds"
    if contents.features:
        least = contents.facts["least_similarities"]
        parts.append(_format_doubles("least_similarities", "EDGETL_LABELS", [least.get(name, -1.0) for name in labels]))
        parts.append(
            "/* Features of training photos. A photo that is similar to none of them is none of these. */\n"
            "static const int8_t reference[EDGETL_REFERENCES * EDGETL_FEATURES] = {\n"
            f"{format_integers(contents.reference.ravel().tolist())}\n}};\n"
        )
        pointers |= {"least_similarities": "least_similarities", "reference": "reference"}
    features = contents.memory.features if contents.features else ()
    values = [
        "EDGETL_LABELS",
        "label_names",
        "EDGETL_OUTPUT_UNITS",
        format_float(contents.scores.scale),
        str(contents.scores.zero_point),
        pointers["label_thresholds"],
        format_double(contents.facts.get("least_probability", 0.0)),
        pointers["least_similarities"],
        "EDGETL_REFERENCES",
        "EDGETL_FEATURES",
        str(features[0].zero_point if features else 0),
        pointers["reference"],
    ]
    parts.append(
        "const edgetl_settings edgetl_model_settings = {\n" + "".join(f"    {value},\n" for value in values) + "};\n"
    )
    parts.append("const edgetl_size edgetl_model_size = {EDGETL_INPUT_WIDTH, EDGETL_INPUT_HEIGHT, EDGETL_INPUT_FIT};\n")
    return '#include "model_settings.h"\n\n' + "\n".join(parts)


def _format_doubles(name: str, count: str, values: list[float] | tuple[float, ...]) -> str:
    rows = "".join(f"    {format_double(value)},\n" for value in values)
    return f"static const double {name}[{count}] = {{\n{rows}}};\n"
