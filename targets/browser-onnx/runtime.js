// Runs the model on ONNX Runtime Web: pixels in, numbers of both outputs out. A Model is loaded once.
//
// The same exports as runtime.js of the target browser; the rest of the page is the same.

import { env, InferenceSession, Tensor } from "./onnx/ort.js";
import { getMemoryBytes } from "./onnx_loader.js";
import { loadWebAssembly, makeConverter } from "./runtime_parts.js";

export const TITLE = "ONNX Runtime Web";
// The kernels of matrices, which it has no others for.
export const KERNELS = "MLAS";

// Files of the runtime, by what the browser can do.
export const VARIANTS = { simd: "WebAssembly with SIMD" };

// The settings of runtime.py of the target onnx, with which the build verified the model. They change what it predicts.
const SETTINGS = { session: { qdqisint8allowed: "1", qdq_matmulnbits_accuracy_level: "1" } };
const LOG_ERRORS_ONLY = 3;
// The outputs of these files are real numbers.
const NOT_QUANTIZED = { scale: 0, zeroPoint: 0 };

export async function chooseVariant() {
  return "simd";
}

export class Model {
  // base: address of the folder of the bundle; facts: content of model.json; variant: of VARIANTS.
  static async load(base, facts, variant) {
    const [wasmBinary, file] = await Promise.all([
      loadWebAssembly(new URL(`onnx/ort_${variant}.wasm.gz`, base)),
      fetch(new URL(facts.model, base)).then((response) => response.arrayBuffer()),
    ]);
    // One thread, as in the build. Without a number, the runtime would start threads where the page may share memory.
    Object.assign(env.wasm, { wasmBinary, numThreads: 1, wasmPaths: { mjs: new URL("onnx_loader.js", base).href } });
    const session = await InferenceSession.create(new Uint8Array(file), {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
      logSeverityLevel: LOG_ERRORS_ONLY,
      extra: SETTINGS,
    });
    return new Model(session, facts, variant);
  }

  constructor(session, facts, variant) {
    this.session = session;
    this.accelerated = true;
    this.input = facts.input;
    this.variant = variant;
    this.outputs = session.outputNames.map(() => NOT_QUANTIZED);
    this.convert = makeConverter(facts.input);
  }

  // pixels: Uint8Array [height, width, 3]. Returns the numbers of the output, and of the features or null.
  async predict(pixels) {
    const { dtype, shape } = this.input;
    const [name] = this.session.inputNames;
    const results = await this.session.run({ [name]: new Tensor(dtype, this.convert(pixels), shape) });
    // The file has its outputs in the order scores, features. The runtime has copied them out of its memory.
    const [output, features = null] = this.session.outputNames.map((output) => results[output].data);
    return { output, features };
  }

  // Bytes of the memory of WebAssembly, which grows and never shrinks.
  get memoryBytes() {
    return getMemoryBytes();
  }
}
