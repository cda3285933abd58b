// Runs the model on LiteRT.js: pixels in, integers of both outputs out. A Model is loaded once.

import { getGlobalLiteRt, loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "./litert/litert.js";
import { readOutputs } from "./model_files.js";

// Files of the runtime, by what the browser can do.
export const VARIANTS = {
  threaded: "WebAssembly with relaxed SIMD and threads",
  relaxed: "WebAssembly with relaxed SIMD",
  compat: "WebAssembly with SIMD",
};

// Load a file, which a server may compress on the way, or keep as it is.
async function loadWebAssembly(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // gzip begins with these bytes, WebAssembly with others: some servers unpack a .gz file themselves.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

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

// The values of the input tensor, from 0..255. Scale 1 and zero point 0 are the identity: edgetl's own int8 files.
function makeConverter({ dtype, scale, zero_point: zeroPoint }) {
  const types = { uint8: [Uint8Array, 0, 255], int8: [Int8Array, -128, 127], float32: [Float32Array, -Infinity, Infinity] };
  if (!types[dtype]) throw new Error(`input of ${dtype} is not supported`);
  const [Values, least, largest] = types[dtype];
  if (!scale || (scale === 1 && zeroPoint === 0)) return dtype === "uint8" ? (pixels) => pixels : (pixels) => Values.from(pixels);
  const table = Values.from({ length: 256 }, (_, value) => {
    const exact = value / scale;
    // Halves go to the even neighbour, as numpy.rint does.
    const rounded = exact % 1 === 0.5 ? 2 * Math.round(exact / 2) : Math.round(exact);
    return Math.min(largest, Math.max(least, rounded + zeroPoint));
  });
  return (pixels) => Values.from(pixels, (value) => table[value]);
}
