"""What a bundle's model answers to its golden photos, as JSON: python3 answers.py BUNDLE. Runs here and on boards.

"bundled" comes from the bundle's own runtime.py, on one thread. Of a .tflite file there is "reference" as well: the
same from the kernels that LiteRT calls its reference, which are the same code on every machine.
"""

import json
import sys
from pathlib import Path

import numpy as np


def main() -> None:
    bundle = Path(sys.argv[1])
    sys.path.insert(0, str(bundle))
    import runtime

    facts = json.loads((bundle / "model.json").read_text())
    with np.load(bundle / "golden" / "expected.npz") as arrays:
        photos = arrays["pixels"]
    model = runtime.Model(bundle / facts["model"], 1)
    found = {"bundled": [model.outputs(photo).tolist() for photo in photos], "accelerated": model.accelerated}
    if runtime.PACKAGE == "ai-edge-litert":
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        plain = OpResolverType.BUILTIN_REF
        interpreter = Interpreter(model_path=str(bundle / facts["model"]), experimental_op_resolver_type=plain)
        interpreter.allocate_tensors()
        # The same steps, another interpreter.
        model._interpreter = interpreter
        found["reference"] = [model.outputs(photo).tolist() for photo in photos]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
