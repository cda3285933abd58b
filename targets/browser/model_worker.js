// Decodes, resizes and predicts beside the page, so that the page stays responsive. client.js talks to it.
//
// A classic worker: the loader of the runtime needs importScripts, which module workers do not have.
"use strict";

const base = new URL("./", self.location.href);
const modules = Promise.all(
  ["runtime.js", "photos.js", "pixels.js", "answers.js", "model_files.js"].map((name) => import(new URL(name, base).href)),
).then((list) => Object.assign({}, ...list));
let facts, model, answers;

async function fetchFile(name) {
  const response = await fetch(new URL(name, base));
  if (!response.ok) throw new Error(`${name}: the server answers ${response.status}`);
  return response;
}

// The frame of a camera has no file: it is fitted as fit_image of pixels.py does with a frame.
async function fit(image) {
  const { fitImage } = await modules;
  const { height_px: heightPx, width_px: widthPx, fit: kind } = facts.input;
  return fitImage(image, heightPx, widthPx, kind).data;
}

async function predict(pixels) {
  const { dequantize } = await modules;
  const start = performance.now();
  const { output, features } = await model.predict(pixels);
  const invokeMs = performance.now() - start;
  const answer = answers.answer(
    dequantize(output, model.outputs[0]),
    features && dequantize(features, model.outputs[1]),
  );
  return { output, features, answer, invokeMs };
}

async function classify(readImage, withPixels = false) {
  const start = performance.now();
  const image = await readImage();
  const decoded = performance.now();
  const pixels = await fit(image);
  const fitted = performance.now();
  const prediction = await predict(pixels);
  const end = performance.now();
  const latency = { decode: decoded - start, resize: fitted - decoded, invoke: end - fitted };
  return { ...prediction, latency, pixels: withPixels ? pixels : null, decoder: image.decoder };
}

const functions = {
  async load({ variant }) {
    const { Model, chooseVariant, Answers, readNpy, TITLE: title, KERNELS: kernels } = await modules;
    const start = performance.now();
    facts = await (await fetchFile("model.json")).json();
    const reference = facts.answers ? readNpy(await (await fetchFile(facts.answers.reference)).arrayBuffer()) : null;
    answers = new Answers(facts, reference);
    model = await Model.load(base, facts, variant || (await chooseVariant(base)));
    const { variant: name, accelerated } = model;
    const runtime = { title, kernels, variant: name, accelerated };
    return { facts, ...runtime, loadMs: performance.now() - start, isSet: answers.isSet };
  },
  predict: ({ pixels }) => predict(pixels),
  photo: async ({ bytes, withPixels }) => {
    const { decodePhoto } = await modules;
    const sidePx = Math.max(facts.input.height_px, facts.input.width_px);
    return classify(() => decodePhoto(bytes, sidePx), withPixels);
  },
  frame: async ({ bitmap }) => {
    const { readBitmap, dropAlpha } = await modules;
    try {
      return await classify(() => dropAlpha(readBitmap(bitmap)));
    } finally {
      bitmap.close();
    }
  },
  memory: () => model.memoryBytes,
};

self.onmessage = async ({ data: { number, name, values } }) => {
  try {
    self.postMessage({ number, result: await functions[name](values) });
  } catch (error) {
    self.postMessage({ number, problem: String((error && error.message) || error) });
  }
};
