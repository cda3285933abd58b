// The worker with the model, as functions that return promises.

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

  // variant: "relaxed", "compat", or nothing for the best that the browser has.
  load(variant) { return this.call("load", { variant }); }

  // pixels: Uint8Array [height, width, 3] of the size of the model.
  predict(pixels) { return this.call("predict", { pixels }); }

  photo(bytes, withPixels = false) { return this.call("photo", { bytes, withPixels }); }

  frame(bitmap) { return this.call("frame", { bitmap }, [bitmap]); }

  memory() { return this.call("memory"); }

  close() { this.worker.terminate(); }
}
