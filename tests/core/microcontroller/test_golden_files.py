"""golden.h and golden.c."""

from edgetl.core.microcontroller.golden_files import draw_frame, hash_resized_frame, write_golden_source


def test_the_hash_depends_on_size_and_fit(make_contents):
    size = make_contents().input_spec
    hashes = {hash_resized_frame(size.model_copy(update={"fit": fit, "width_px": 5})) for fit in ("crop", "pad")}
    assert len(hashes) == 2 and draw_frame(4, 3).shape == (3, 4, 3)


def test_every_photo_has_its_pixels_outputs_and_answer(make_contents):
    source = write_golden_source(make_contents())
    assert '{"golden/0_car.png", pixels_1, outputs_1, 1, 1, 0},' in source
    assert "outputs_0[3] = {\n1,250,5,\n}" in source
