// Starts the WebAssembly of ONNX Runtime Web, and keeps its module: no function of the runtime returns the size of its memory.

import start from "./onnx/ort_wasm.js";

let loaded = null;

// Called by the runtime with its settings.
export default async function load(settings) {
  loaded = await start(settings);
  return loaded;
}

export function getMemoryBytes() {
  return loaded ? loaded.HEAPU8.byteLength : 0;
}
