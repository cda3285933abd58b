"""The files of a bundle for an NPU."""

from edgetl.core.microcontroller.npu_files import write_npu_files


def test_the_compiled_file_has_a_page_with_its_figures(npu_file):
    files = write_npu_files(npu_file, b"compiled")
    assert files["ethos-u/model_vela.tflite"] == b"compiled"
    page = files["ethos-u/README.md"].decode()
    assert "- operators on the NPU: 3 of 4 (75%)\n- on the Cortex-M: GELU block/gelu\n" in page
    assert "`AddEthosU()`, and those of the operators on the Cortex-M." in page


def test_a_file_that_is_on_the_npu_needs_one_operator(npu_file):
    page = write_npu_files(npu_file.model_copy(update={"fallback": ()}), b"")["ethos-u/README.md"].decode()
    assert "`AddEthosU()`. Link TFLM" in page
