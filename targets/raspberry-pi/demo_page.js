"use strict";
// Each message contains a length, the state as JSON, and the frame as JPEG. The next one is requested after drawing.

const TOO_MANY_VIEWERS = 4001; // Close code, the same as in demo_web.py.
const RETRY_MS = 1000;
const RETRY_TOO_MANY_MS = 5000;

const getById = (id) => document.getElementById(id);
const setText = (id, text) => { getById(id).textContent = text; };
// What the board does not report is null, and shown as a dash.
const formatIfKnown = (value, format) => (value === null || value === undefined ? "–" : format(value));

// A label or a file name may contain characters that change the direction of writing around it: they are shown as
// escapes. Joiners, which spell words of several languages, stay. For JSON.parse, which calls it with every value.
function makePrintable(_key, value) {
  if (typeof value !== "string") return value;
  return value.replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

function createElement(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  // textContent, because labels are names of folders and may contain markup.
  if (text !== undefined) element.textContent = text;
  return element;
}

function showMessage(text) {
  getById("message").hidden = !text;
  setText("message", text);
  document.querySelector(".view").classList.toggle("no-frame", Boolean(text));
  getById("dot").className = text ? "dot bad" : "dot good";
}

// Rows are reused, so that the bars change smoothly instead of appearing anew.
function showLabels(labels) {
  const list = getById("labels");
  while (list.children.length > labels.length) list.lastChild.remove();
  while (list.children.length < labels.length) {
    const row = createElement("li");
    const track = createElement("div", "track");
    track.append(createElement("div", "fill"));
    row.append(createElement("span", "name"), createElement("span", "number"), track);
    list.append(row);
  }
  labels.forEach(([label, probability], index) => {
    const row = list.children[index];
    row.querySelector(".name").textContent = label;
    row.querySelector(".number").textContent = `${(probability * 100).toFixed(1)} %`;
    row.querySelector(".fill").style.width = `${probability * 100}%`;
  });
}

function showLatency(latency) {
  const steps = Object.entries(latency);
  const total = steps.reduce((sum, [, ms]) => sum + ms, 0) || 1;
  getById("split").replaceChildren(...steps.map(([name, ms]) => {
    const part = createElement("span", name);
    part.style.width = `${(ms / total) * 100}%`;
    return part;
  }));
  getById("latency").replaceChildren(...steps.map(([name, ms]) => {
    const row = createElement("div");
    const value = createElement("dd", "", `${ms.toFixed(1)} ms`);
    row.append(createElement("span", `key ${name}`), createElement("dt", "", name), value);
    return row;
  }));
}

// Photos of a folder have a name, and a true class where the name of their folder is a label.
function showPhoto(photo, names, { several_labels: several, answer }) {
  const line = getById("photo");
  line.hidden = !photo || !photo.name;
  if (line.hidden) return;
  const right = names.includes(photo.true_label);
  // Without a label, the answer is neither right nor wrong.
  const missing = answer && !answer.accepted ? (answer.known ? "unsure" : "none of these") : "";
  line.className = photo.true_label && !missing ? (right ? "right" : "wrong") : "";
  // The folder names one of several labels, and the photo may have others.
  const words = several ? ["label", "found", "not found"] : ["true class", "right", "wrong"];
  const verdict = photo.true_label ? ` · ${words[0]} ${photo.true_label}: ${missing || (right ? words[1] : words[2])}` : "";
  line.textContent = photo.name + verdict;
}

function showThrottling(conditions) {
  const throttledNow = Boolean(conditions && conditions.now.length);
  getById("throttle_tile").classList.toggle("alarm", throttledNow);
  let text = "none";
  if (!conditions) text = "unknown";
  else if (throttledNow) text = `now: ${conditions.now.join(", ")}`;
  else if (conditions.since_boot.length) text = `since boot: ${conditions.since_boot.join(", ")}`;
  setText("throttled", text);
  getById("throttled").classList.toggle("long", text.length > 12);
}

// The class, or all labels of a model with several; "none" where no label reaches its threshold.
function listNames(state) {
  const names = state.labels.map(([label]) => label);
  if (!state.several_labels) return names.slice(0, 1);
  return names.length || !state.number ? names : ["none"];
}

// A label, "unsure: a or b", or "none of these" with the reason. Bundles without thresholds have labels alone.
function showAnswer(answer, names) {
  const kind = answer ? (answer.accepted ? "label" : answer.known ? "unsure" : "none") : "";
  getById("answer").className = kind;
  setText("sign", { label: "✓", unsure: "?", none: "✕" }[kind] || "");
  setText("best", kind && kind !== "label" ? answer.text : names.length ? names.join(", ") : "…");
  getById("reason").hidden = !(answer && answer.reason);
  setText("reason", answer ? answer.reason : "");
  // The probabilities of a frame that shows none of the labels compare them with each other only.
  getById("labels").classList.toggle("faded", kind === "none");
}

function showState(state) {
  const names = state.camera.ok ? listNames(state) : [];
  showAnswer(state.answer, names);
  setText("camera", state.camera.name);
  showMessage(state.camera.ok ? "" : `No frame: ${state.camera.message}. The demo tries again.`);
  showLabels(state.labels);
  getById("labels").classList.toggle("several", state.several_labels);
  showPhoto(state.photo, names, state);
  setText("rate", formatIfKnown(state.rate_hz, (hz) => hz.toFixed(1)));
  setText("drops", state.drops);
  setText("delay", formatIfKnown(state.delay_ms, (ms) => `${ms.toFixed(1)} ms`));
  setText("temperature", formatIfKnown(state.board.temperature_c, (celsius) => `${celsius.toFixed(1)} °C`));
  setText("clock", formatIfKnown(state.board.clock_hz, (hz) => `${(hz / 1e9).toFixed(2)} GHz`));
  showThrottling(state.board.throttled);
  showLatency(state.latency_ms);
  getById("warning").hidden = !state.warning;
  setText("warning", state.warning);
  setText("model", state.model);
  setText("board", state.board.name);
}

async function drawFrame(jpeg, fit) {
  const frame = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
  const canvas = getById("picture");
  // Setting the size clears the canvas, which would flicker.
  if (canvas.width !== frame.width || canvas.height !== frame.height) {
    canvas.width = frame.width;
    canvas.height = frame.height;
  }
  const context = canvas.getContext("2d");
  context.drawImage(frame, 0, 0);
  frame.close();
  if (fit === "crop") {
    // The input of the model is the centred square: everything else is darkened.
    const side = Math.min(canvas.width, canvas.height);
    const left = (canvas.width - side) / 2;
    const top = (canvas.height - side) / 2;
    context.fillStyle = "rgba(0, 0, 0, .55)";
    context.fillRect(0, 0, left, canvas.height);
    context.fillRect(left + side, 0, left, canvas.height);
    context.fillRect(left, 0, side, top);
    context.fillRect(left, top + side, side, top);
  }
}

function connect() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  const requestNext = () => { if (socket.readyState === WebSocket.OPEN) socket.send("next"); };
  socket.onopen = requestNext;
  socket.onmessage = async ({ data }) => {
    const length = new DataView(data).getUint32(0);
    const state = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)), makePrintable);
    const jpeg = new Uint8Array(data, 4 + length);
    try {
      if (jpeg.length) await drawFrame(jpeg, state.fit);
      showState(state);
    } finally {
      // Also after an error: otherwise one damaged frame would stop the page.
      requestNext();
    }
  };
  socket.onclose = ({ code }) => {
    const full = code === TOO_MANY_VIEWERS;
    showMessage(full
      ? "Too many viewers are connected. This page tries again."
      : "No connection to the board. This page tries again.");
    setTimeout(connect, full ? RETRY_TOO_MANY_MS : RETRY_MS);
  };
}

connect();
