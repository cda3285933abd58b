// Runs the model on LiteRT.js: pixels in, integers of both outputs out. A Model is loaded once.
//
// Targets with another runtime have another runtime.js with the same exports; the rest of the page is the same.

import { getGlobalLiteRt, loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "./litert/litert.js";
import { readOutputs } from "./model_files.js";
import { loadWebAssembly, makeConverter } from "./runtime_parts.js";

export const TITLE = "LiteRT.js";
// The fast kernels, which Model.accelerated is about.
export const KERNELS = "XNNPACK";

// Files of the runtime, by what the browser can do.
export const VARIANTS = {
  threaded: "WebAssembly with relaxed SIMD and threads",
  relaxed: "WebAssembly with relaxed SIMD",
  compat: "WebAssembly with SIMD",
};

// base: address of the folder of the bundle.
export async function chooseVariant(base) {
  if (!(await supportsFeature("relaxedSimd"))) return "compat";
  return (await hasThreads(base)) ? "threaded" : "relaxed";
}

// Threads share memory, which a browser allows where the server sends the headers COOP and COEP. Only bundles of the
// target browser-threads have the files.
async function hasThreads(base) {
  if (!self.crossOriginIsolated || !(await supportsFeature("threads"))) return false;
  const response = await fetch(new URL("SHA256SUMS", base));
  return response.ok && (await response.text()).includes(" litert/litert_threaded.wasm.gz");
}

export class Model {
  // base: address of the folder of the bundle; facts: content of model.json; variant: of VARIANTS.
  static async load(base, facts, variant) {
    const [wasmBinary, file] = await Promise.all([
      loadWebAssembly(new URL(`litert/litert_${variant}.wasm.gz`, base)),
      fetch(new URL(facts.model, base)).then((response) => response.arrayBuffer()),
    ]);
    const lines = [];
    const loader = new URL(`litert/litert_${variant}.js`, base).href;
    const print = (line) => lines.push(line);
    // The loader of the runtime takes its settings from here, and starts no download of its own. Its threads are workers
    // that begin with the loader: by itself, it would take this worker's file for it.
    self.Module = { wasmBinary, mainScriptUrlOrBlob: loader, print, printErr: print };
    await loadLiteRt(loader);
    const compiled = await loadAndCompile(new Uint8Array(file), { accelerator: "wasm" });
    return new Model(compiled, facts, { outputs: readOutputs(file), variant, lines });
  }

  constructor(compiled, facts, { outputs, variant, lines }) {
    this.compiled = compiled;
    // No function of the runtime says which kernels run; it prints a line when it has made XNNPACK.
    this.accelerated = lines.some((line) => line.includes("XNNPACK delegate"));
    this.input = facts.input;
    this.variant = variant;
    // The file has its outputs in the order scores, features; the signature has them by name.
    const names = compiled.getOutputDetails().map(({ name }) => name);
    const placeOf = (name, other) => (names.includes(name) ? names.indexOf(name) : other);
    this.places = names.length > 1 ? [placeOf("scores", 0), placeOf("features", 1)] : [0];
    this.outputs = outputs;
    this.convert = makeConverter(facts.input);
  }

  // pixels: Uint8Array [height, width, 3]. Returns the integers (or floats) of the output, and of the features or null.
  async predict(pixels) {
    const tensor = new Tensor(this.convert(pixels), this.input.shape);
    let results = [];
    try {
      results = await this.compiled.run([tensor]);
      const [output, features = null] = this.places.map((place) => results[place].toTypedArray());
      return { output, features };
    } finally {
      // Tensors are in the memory of WebAssembly, which the browser does not clean up.
      for (const result of [tensor, ...results]) if (!result.deleted) result.delete();
    }
  }

  // Bytes of the memory of WebAssembly, which grows and never shrinks.
  get memoryBytes() {
    return getGlobalLiteRt().liteRtWasm.HEAPU8.byteLength;
  }
}
