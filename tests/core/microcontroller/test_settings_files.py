"""model_settings.h and model_settings.c."""

from edgetl.core.microcontroller.settings_files import write_settings_header, write_settings_source


def test_the_header_has_the_input_and_the_fit(make_contents):
    header = write_settings_header(make_contents())
    for line in ("EDGETL_INPUT_WIDTH 8", "EDGETL_INPUT_HEIGHT 6", "EDGETL_INPUT_FIT EDGETL_PAD", "EDGETL_FEATURES 4"):
        assert f"#define {line}\n" in header


def test_a_label_without_a_least_similarity_rejects_nothing(make_contents):
    contents = make_contents()
    facts = {"least_similarities": {contents.labels[0]: 0.25}, "least_probability": 0.9}
    source = write_settings_source(make_contents(facts=facts))
    assert source.count("    -1.0,\n") == 2 and "    0.25,\n" in source
