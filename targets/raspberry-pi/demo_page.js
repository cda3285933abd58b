"use strict";
// One message holds a length, the state as JSON, and the picture as JPEG; the next is asked for when it is drawn.

const FULL = 4001; // The same number as in demo_web.py.
const at = (id) => document.getElementById(id);
const text = (id, words) => { at(id).textContent = words; };
const or = (value, words) => (value === null || value === undefined ? "–" : words(value));

function element(kind, name, words) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (words !== undefined) made.textContent = words;
  return made;
}

function message(words) {
  at("message").hidden = !words;
  text("message", words);
  document.querySelector(".view").classList.toggle("lost", Boolean(words));
  at("dot").className = words ? "dot bad" : "dot good";
}

function labels(found) {
  const list = at("labels");
  while (list.children.length > found.length) list.lastChild.remove();
  while (list.children.length < found.length) {
    const row = element("li");
    const track = element("div", "track");
    track.append(element("div", "fill"));
    row.append(element("span", "name"), element("span", "number"), track);
    list.append(row);
  }
  found.forEach(([label, probability], place) => {
    const row = list.children[place];
    row.querySelector(".name").textContent = label;
    row.querySelector(".number").textContent = `${(probability * 100).toFixed(1)} %`;
    row.querySelector(".fill").style.width = `${probability * 100}%`;
  });
}

function latency(split) {
  const steps = Object.entries(split);
  const total = steps.reduce((sum, [, ms]) => sum + ms, 0) || 1;
  at("split").replaceChildren(...steps.map(([name, ms]) => {
    const part = element("span", name);
    part.style.width = `${(ms / total) * 100}%`;
    return part;
  }));
  at("latency").replaceChildren(...steps.map(([name, ms]) => {
    const row = element("div");
    row.append(element("span", `key ${name}`), element("dt", "", name), element("dd", "", `${ms.toFixed(1)} ms`));
    return row;
  }));
}

function throttling(words) {
  const now = Boolean(words && words.now.length);
  at("throttle_tile").classList.toggle("alarm", now);
  let shown = "not known";
  if (words) shown = now ? `now: ${words.now.join(", ")}` : "none";
  if (words && !now && words.since_boot.length) shown = `since boot: ${words.since_boot.join(", ")}`;
  text("throttled", shown);
  at("throttled").classList.toggle("long", shown.length > 12);
}

function show(state) {
  text("best", state.camera.ok && state.labels.length ? state.labels[0][0] : "…");
  text("camera", state.camera.name);
  message(state.camera.ok ? "" : `No picture: ${state.camera.message}. It goes on by itself.`);
  labels(state.labels);
  text("rate", or(state.rate_hz, (hz) => hz.toFixed(1)));
  text("drops", state.drops);
  text("delay", or(state.delay_ms, (ms) => `${ms.toFixed(1)} ms`));
  text("temperature", or(state.board.temperature_c, (c) => `${c.toFixed(1)} °C`));
  text("clock", or(state.board.clock_hz, (hz) => `${(hz / 1e9).toFixed(2)} GHz`));
  throttling(state.board.throttled);
  latency(state.latency_ms);
  at("warning").hidden = !state.warning;
  text("warning", state.warning);
  text("model", state.model);
  text("board", state.board.name);
}

async function draw(jpeg, fit) {
  const picture = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
  const canvas = at("picture");
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  const pen = canvas.getContext("2d");
  pen.drawImage(picture, 0, 0);
  picture.close();
  if (fit === "crop") {
    // The model sees the square in the middle.
    const side = Math.min(canvas.width, canvas.height);
    const left = (canvas.width - side) / 2;
    const top = (canvas.height - side) / 2;
    pen.fillStyle = "rgba(0, 0, 0, .55)";
    pen.fillRect(0, 0, left, canvas.height);
    pen.fillRect(left + side, 0, left, canvas.height);
    pen.fillRect(left, 0, side, top);
    pen.fillRect(left, top + side, side, top);
  }
}

function connect() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  const next = () => { if (socket.readyState === WebSocket.OPEN) socket.send("next"); };
  socket.onopen = next;
  socket.onmessage = async ({ data }) => {
    const length = new DataView(data).getUint32(0);
    const state = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const jpeg = new Uint8Array(data, 4 + length);
    try {
      if (jpeg.length) await draw(jpeg, state.fit);
      show(state);
    } finally {
      next();
    }
  };
  socket.onclose = ({ code }) => {
    message(code === FULL
      ? "Too many are looking already. This page tries again by itself."
      : "No connection to the board. This page tries again by itself.");
    setTimeout(connect, code === FULL ? 5000 : 1000);
  };
}

connect();
