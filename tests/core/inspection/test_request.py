"""What is inspected decides the fingerprint of the stage."""

from dataclasses import replace

from edgetl.core.inspection.request import InspectionRequest
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import Dataset, InputSpec
from edgetl.core.run.fingerprint import compute_fingerprint


def test_photos_groups_input_and_base_are_in_the_fingerprint(tmp_path):
    dataset = Dataset(root=tmp_path, classes=("a", "b"), train=(), validation=(), test=(), left_out=(), sha256="1")
    recipe = resolve_recipe("default")
    spec = InputSpec(height_px=160, width_px=160, fit="crop")
    request = InspectionRequest(dataset=dataset, groups=(1, 2), input_spec=spec, base=recipe.base)
    others = [
        replace(request, dataset=dataset.model_copy(update={"sha256": "2"})),
        replace(request, groups=(1, 1)),
        replace(request, input_spec=spec.model_copy(update={"fit": "pad"})),
        replace(request, base=recipe.base.model_copy(update={"alpha": 0.5})),
    ]
    prints = {
        compute_fingerprint("inspection", "edgetl.stages.pages.inspect.inspect_photos", [r]) for r in (request, *others)
    }
    moved = replace(request, dataset=dataset.model_copy(update={"root": tmp_path / "moved"}))
    assert len(prints) == 5
    assert compute_fingerprint("inspection", "edgetl.stages.pages.inspect.inspect_photos", [moved]) in prints
