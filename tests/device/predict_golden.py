"""Predict the golden photos of a bundle, on the host and on boards: python3 predict_golden.py BUNDLE. Prints JSON.

"bundled" are the outputs of the bundle's own runtime.py on one thread. For a .tflite file there is also "reference":
the outputs of LiteRT's reference kernels, which are the same code on every machine.
"""

import json
import sys
from pathlib import Path

import numpy as np


def main() -> None:
    bundle = Path(sys.argv[1])
    # A bundle that contains bytecode fails its self-check.
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(bundle))
    import runtime

    facts = json.loads((bundle / "model.json").read_text())
    with np.load(bundle / "golden" / "expected.npz") as arrays:
        photos = arrays["pixels"]
    model = runtime.Model(bundle / facts["model"], 1)
    outputs = {"bundled": [model.predict(photo).tolist() for photo in photos], "accelerated": model.accelerated}
    if runtime.PACKAGE == "ai-edge-litert":
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        resolver = OpResolverType.BUILTIN_REF
        interpreter = Interpreter(model_path=str(bundle / facts["model"]), experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
        # The same steps with another interpreter.
        model._interpreter = interpreter
        outputs["reference"] = [model.predict(photo).tolist() for photo in photos]
    print(json.dumps(outputs))


if __name__ == "__main__":
    main()
