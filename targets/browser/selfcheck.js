// Checks that this browser computes what the build computed: selfcheck.py for the browser.
//
// Files: every file has the hash in SHA256SUMS. Pixels: the golden photos, decoded here, are those of the build; where the
// browser has decoded them, they differ by at most PIXEL_STEPS, which a decoder of JPEG may. Outputs: from the pixels of the build, within the tolerance of
// model.json. Answers: the same labels, and similarities within the tolerance. Runtime: the kernels that ran.

import { ModelClient, hasVectors } from "./client.js";
import { readNpz } from "./model_files.js";

// Decoders of JPEG may round the inverse cosine transform and the conversion of colours differently, each by a step.
// Source: ITU-T T.83, which allows decoders to differ.
const PIXEL_STEPS = 3;
const MOST_PROBLEMS = 3;

export function listSums(text) {
  return text.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => [line.slice(66), line.slice(0, 64)]);
}

// The largest absolute difference of two arrays; infinity where their lengths differ.
export function findLargestDifference(left, right) {
  if (left.length !== right.length) return Infinity;
  let largest = 0;
  for (let index = 0; index < left.length; index += 1) {
    const difference = Math.abs(left[index] - right[index]);
    // A NaN compares as false: it would be overlooked.
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

async function hashFile(name) {
  const response = await fetch(name, { cache: "no-cache" });
  if (!response.ok) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function checkFiles() {
  const problems = [];
  const sums = listSums(await (await fetch("SHA256SUMS", { cache: "no-cache" })).text());
  for (const [name, sum] of sums) {
    if ((await hashFile(name)) !== sum) problems.push(`${name} changed or is missing`);
  }
  const detail = problems.slice(0, MOST_PROBLEMS).join("; ") || `${sums.length} files are unchanged`;
  return ["files", sums.length > 0 && !problems.length, detail];
}

async function checkGolden(client, { facts, isSet }) {
  const { pixels, outputs } = readNpz(await (await fetch("golden/expected.npz")).arrayBuffer());
  const [count, height, width, channels] = pixels.shape;
  const size = height * width * channels;
  const units = outputs.shape[1];
  const worst = { page: 0, browser: 0, outputs: 0, similarity: 0 };
  let [equal, different, byBrowser] = [0, 0, 0];
  for (let row = 0; row < count; row += 1) {
    const expected = pixels.data.subarray(row * size, (row + 1) * size);
    const bytes = new Uint8Array(await (await fetch(facts.golden[row])).arrayBuffer());
    const photo = await client.photo(bytes, true);
    const prediction = await client.predict(expected);
    const pixelDifference = findLargestDifference(photo.pixels, expected);
    equal += pixelDifference === 0;
    byBrowser += photo.decoder === "browser";
    worst[photo.decoder] = Math.max(worst[photo.decoder], pixelDifference);
    const output = outputs.data.subarray(row * units, (row + 1) * units);
    worst.outputs = Math.max(worst.outputs, findLargestDifference(prediction.output, output));
    if (isSet) {
      const answer = facts.answers.golden[row];
      worst.similarity = Math.max(worst.similarity, Math.abs(prediction.answer.similarity - answer.similarity));
      different += ["label", "known", "accepted"].some((key) => prediction.answer[key] !== answer[key]);
    }
  }
  const { output: tolerance, similarity = 0 } = facts.tolerances;
  const answers = isSet
    ? ["answers", worst.similarity <= similarity && !different,
      `similarity differs by at most ${worst.similarity.toFixed(6)}, tolerance ${similarity}; ${count - different} of ${count} answers as in the build`]
    : ["answers", true, "this bundle has no thresholds, so every photo has a label"];
  const browserPart = byBrowser
    ? `; ${byBrowser} of them decoded by the browser, largest difference ${worst.browser}, tolerance ${PIXEL_STEPS}` : "";
  const pixelDetail = `${equal} of ${count} photos equal to the bit, largest difference ${worst.page}, tolerance 0${browserPart}`;
  return [
    ["pixels", worst.page === 0 && worst.browser <= PIXEL_STEPS, pixelDetail],
    ["outputs", worst.outputs <= tolerance, `${count} photos, largest difference ${worst.outputs}, tolerance ${tolerance}`],
    answers,
  ];
}

function checkRuntime({ title, kernels, variant, accelerated, facts }) {
  const needed = facts.runtime.accelerated;
  const detail = `${title}, ${variant}, ${kernels} ${accelerated ? "runs" : "does not run"}`;
  return ["runtime", accelerated || !needed, detail];
}

function showCheck([name, ok, detail]) {
  const row = document.createElement("tr");
  for (const text of [name, ok ? "ok" : "FAIL", detail]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    row.append(cell);
  }
  row.children[1].className = ok ? "ok" : "fail";
  document.getElementById("checks").append(row);
}

async function run() {
  const checks = [];
  const add = (check) => {
    checks.push(check);
    showCheck(check);
  };
  const client = new ModelClient();
  try {
    add(await checkFiles());
    if (!hasVectors()) throw new Error("this browser lacks SIMD in WebAssembly, which the runtime needs");
    const loaded = await client.load(new URL(location.href).searchParams.get("variant"));
    for (const check of await checkGolden(client, loaded)) add(check);
    add(checkRuntime(loaded));
    document.getElementById("versions").textContent = navigator.userAgent;
  } catch (error) {
    add(["run", false, error.message]);
  }
  client.close();
  const ok = checks.every(([, passed]) => passed);
  document.getElementById("result").textContent = ok
    ? "This browser computes what the build computed."
    : "This browser does not compute what the build computed.";
  document.documentElement.dataset.result = ok ? "ok" : "fail";
}

if (document.getElementById("checks")) run();
