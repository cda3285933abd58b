// The worker with the model, as functions that return promises.

// A module whose only function has a vector of 128 bits. Source: WebAssembly 2.0, binary format.
const VECTOR_MODULE = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // The first bytes of every module.
  ...[1, 4, 1, 0x60, 0, 0], // A type of functions without arguments and results.
  ...[3, 2, 1, 0], // One function of that type:
  ...[10, 23, 1, 21, 0, 0xfd, 12, ...new Array(16).fill(0), 0x1a, 0x0b], // v128.const 0, drop, end.
]);

// Whether the browser has the vectors that all variants of the runtime need: Chrome 91, Firefox 89, Safari 16.4.
export function hasVectors() {
  return typeof WebAssembly === "object" && WebAssembly.validate(VECTOR_MODULE);
}

export class ModelClient {
  constructor() {
    this.worker = new Worker(new URL("model_worker.js", import.meta.url));
    this.number = 0;
    this.waiting = new Map();
    this.worker.onmessage = ({ data: { number, result, problem } }) => {
      const { resolve, reject } = this.waiting.get(number);
      this.waiting.delete(number);
      if (problem) reject(new Error(problem));
      else resolve(result);
    };
    // The file of the worker is missing, or its first lines fail.
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message || "the worker does not start"));
      this.waiting.clear();
    };
  }

  call(name, values = {}, transferred = []) {
    this.number += 1;
    const number = this.number;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject });
      this.worker.postMessage({ number, name, values }, transferred);
    });
  }

  // variant: one of VARIANTS of runtime.js, or nothing for the best that the browser has.
  load(variant) { return this.call("load", { variant }); }

  // pixels: Uint8Array [height, width, 3] of the size of the model.
  predict(pixels) { return this.call("predict", { pixels }); }

  photo(bytes, withPixels = false) { return this.call("photo", { bytes, withPixels }); }

  frame(bitmap) { return this.call("frame", { bitmap }, [bitmap]); }

  memory() { return this.call("memory"); }

  close() { this.worker.terminate(); }
}
