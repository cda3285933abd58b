// The page: camera, chosen and dropped photos in, answers out. model_worker.js computes; view.js shows.

import { ModelClient, hasVectors } from "./client.js";
import { chooseLanguage, getText, LANGUAGES, makePrintable, setLanguage } from "./text.js";
import { drawPicture, setText, showAnswer, showLatency, showMessage } from "./view.js";

const getById = (id) => document.getElementById(id);
const client = new ModelClient();
const video = getById("video");
// The frames of the last two seconds give the rate.
const RATE_MS = 2000;
let loaded = null;
let facing = "environment";
let running = 0;
let shown = null;

function show({ answer, latency }, rateHz) {
  shown = { answer, latency, rateHz };
  const severalLabels = Boolean(loaded.facts.output.thresholds);
  showAnswer(answer, { isSet: loaded.isSet, severalLabels });
  showLatency(latency, rateHz);
}

async function classifyFile(file) {
  stopCamera();
  showMessage("");
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const bitmap = await createImageBitmap(file);
    drawPicture(bitmap, loaded.facts.input);
    bitmap.close();
    getById("hint").hidden = true;
    show(await client.photo(bytes), 0);
  } catch (error) {
    showMessage(getText("noPhoto", error.message));
  }
}

async function startCamera() {
  stopCamera();
  showMessage("");
  const turn = (running += 1);
  try {
    // Undefined where the page has neither https nor localhost.
    if (!navigator.mediaDevices) throw new Error("no https");
    const wish = { facingMode: facing, width: { ideal: 640 }, height: { ideal: 480 } };
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: wish, audio: false });
    await video.play();
  } catch (error) {
    stopCamera();
    showMessage(getText("noCamera", error.message));
    return;
  }
  getById("hint").hidden = true;
  getById("camera").firstElementChild.textContent = getText("stop");
  getById("turn").hidden = false;
  const times = [];
  // The next frame is taken when the last one has its answer: a slow phone gets fewer frames, and nothing is queued.
  while (turn === running) {
    await new Promise(requestAnimationFrame);
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || turn !== running) continue;
    try {
      const bitmap = await createImageBitmap(video);
      drawPicture(video, loaded.facts.input);
      const result = await client.frame(bitmap);
      const now = performance.now();
      times.push(now);
      while (times[0] < now - RATE_MS) times.shift();
      if (turn === running) show(result, times.length > 1 ? ((times.length - 1) * 1000) / (now - times[0]) : 0);
    } catch (error) {
      stopCamera();
      showMessage(getText("noCamera", error.message));
    }
  }
}

function stopCamera() {
  running += 1;
  for (const track of video.srcObject ? video.srcObject.getTracks() : []) track.stop();
  video.srcObject = null;
  getById("camera").firstElementChild.textContent = getText("camera");
  getById("turn").hidden = true;
}

const actions = {
  c: () => (video.srcObject ? stopCamera() : startCamera()),
  t: () => {
    if (!video.srcObject) return;
    facing = facing === "environment" ? "user" : "environment";
    startCamera();
  },
  o: () => getById("file").click(),
};

function listen() {
  getById("camera").onclick = actions.c;
  getById("turn").onclick = actions.t;
  getById("pick").onclick = actions.o;
  getById("file").onchange = ({ target }) => {
    if (target.files[0]) classifyFile(target.files[0]);
    // So that the same photo can be chosen again.
    target.value = "";
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT";
    const action = actions[event.key.toLowerCase()];
    if (action && !typing) action();
  });
  const drop = document.body;
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      getById("drop").classList.toggle("over", name === "dragover");
    });
  }
  drop.addEventListener("drop", ({ dataTransfer: { files } }) => files[0] && classifyFile(files[0]));
  document.addEventListener("visibilitychange", () => document.hidden && video.srcObject && stopCamera());
}

function showLanguages() {
  const select = getById("language");
  for (const [name, table] of Object.entries(LANGUAGES)) select.add(new Option(table.name, name));
  select.value = chooseLanguage();
  setLanguage(select.value);
  select.onchange = () => {
    setLanguage(select.value);
    if (video.srcObject) getById("camera").firstElementChild.textContent = getText("stop");
    if (shown) show(shown, shown.rateHz);
  };
}

// The worker that keeps the files for use without a network. Its address has the identity of the bundle: another
// bundle is another worker, which replaces the files.
async function keepFiles(variant) {
  if (!navigator.serviceWorker) return;
  const sums = await (await fetch("SHA256SUMS")).text();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sums)));
  const bundle = [...digest.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await navigator.serviceWorker.register(`sw.js?bundle=${bundle}&variant=${variant}`);
  await navigator.serviceWorker.ready;
  setText("offline", getText("offline"));
}

async function start() {
  showLanguages();
  if (!hasVectors()) {
    showMessage(getText("noVectors"));
    return;
  }
  setText("best", getText("loading"));
  try {
    loaded = await client.load(new URL(location.href).searchParams.get("variant"));
  } catch (error) {
    setText("best", "…");
    showMessage(getText("noModel", error.message));
    return;
  }
  listen();
  const { facts, title, kernels, variant, accelerated, loadMs } = loaded;
  setText("best", "…");
  setText("loaded", `${(loadMs / 1000).toFixed(1)} s`);
  setText("model", makePrintable(`${facts.provenance.base}, ${facts.provenance.method}, ${facts.input.width_px} px`));
  setText("runtime", `${title}, ${variant}${accelerated ? `, ${kernels}` : ""}`);
  getById("camera").disabled = getById("pick").disabled = false;
  document.documentElement.dataset.ready = "yes";
  await keepFiles(variant);
}

start();
