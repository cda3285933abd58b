"""The files of a bundle for an NPU: the compiled model, and a page about it."""

from edgetl.core.microcontroller.npu import NpuFile, describe_npu

FOLDER = "ethos-u"

_PAGE = """\
# The model for the NPU

`model_vela.tflite` is `../model.tflite`, compiled by Arm's Vela.

{facts}

To use it, replace the bytes in `src/model.c` and their number in `src/model.h` by those of `model_vela.tflite`, and
register its operators in `src/op_resolver.h`: `AddEthosU()`{others}. Link TFLM with its Ethos-U kernel, and Arm's
driver. The arena needs the SRAM above: `src/arena.h` is for the plain file. The self-check compares the NPU with the
build.
"""


def write_npu_files(file: NpuFile, content: bytes) -> dict[str, bytes]:
    """Write the files, by their path in the bundle.

    Args:
        file: what is known of the compiled file.
        content: of the compiled file.
    """
    facts = "\n".join(f"- {line}" for line in describe_npu(file))
    others = ", and those of the operators on the Cortex-M" if file.fallback else ""
    page = _PAGE.format(facts=facts, others=others)
    return {f"{FOLDER}/model_vela.tflite": content, f"{FOLDER}/README.md": page.encode()}
