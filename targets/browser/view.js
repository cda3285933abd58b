// An answer → the elements of the page that show it. All texts are set as text, never as markup.

import { formatApart, getText, makePrintable } from "./text.js";

const MOST_LABELS = 5;
const SIGNS = { label: "✓", unsure: "?", none: "✕" };
const getById = (id) => document.getElementById(id);
const percent = (value, decimals) => `${(value * 100).toFixed(decimals)} %`;

export function setText(id, text) {
  // Setting the same text again would make a screen reader repeat it.
  if (getById(id).textContent !== text) getById(id).textContent = text;
}

export function showMessage(text) {
  getById("message").hidden = !text;
  setText("message", text);
}

// A label, "unsure: a or b", or "none of these" with the reason. Bundles without thresholds have labels alone.
export function showAnswer(answer, { isSet, severalLabels }) {
  const kind = isSet ? answer.kind : "";
  const names = answer.names.map(makePrintable);
  const texts = {
    unsure: () => getText("unsure", makePrintable(answer.label), makePrintable(answer.second)),
    none: () => getText("none"),
  };
  getById("answer").className = kind;
  setText("sign", SIGNS[kind] || "");
  setText("best", texts[kind] ? texts[kind]() : names.join(", ") || getText("noLabel"));
  const reason = describeReason(answer, kind);
  getById("reason").hidden = !reason;
  setText("reason", reason);
  // The probabilities of a photo that shows none of the labels compare them with each other only.
  getById("labels").classList.toggle("faded", kind === "none");
  getById("labels").classList.toggle("several", severalLabels);
  showBars(answer.ranked.slice(0, MOST_LABELS));
}

function describeReason({ probability, similarity, least }, kind) {
  if (kind === "none") {
    return getText("similarity", ...formatApart(similarity, least.similarity, (value, digits) => value.toFixed(digits), 3));
  }
  if (kind === "unsure") return getText("probability", ...formatApart(probability, least.probability, percent, 1));
  return "";
}

// Rows are reused, so that the bars change smoothly instead of appearing anew.
function showBars(ranked) {
  const list = getById("labels");
  while (list.children.length > ranked.length) list.lastChild.remove();
  while (list.children.length < ranked.length) {
    const row = document.createElement("li");
    const [name, number, track, fill] = ["span", "span", "div", "div"].map((tag) => document.createElement(tag));
    [name.className, number.className, track.className, fill.className] = ["name", "number", "track", "fill"];
    track.append(fill);
    row.append(name, number, track);
    list.append(row);
  }
  ranked.forEach(([label, probability], index) => {
    const row = list.children[index];
    row.querySelector(".name").textContent = makePrintable(label);
    row.querySelector(".number").textContent = percent(probability, 1);
    row.querySelector(".fill").style.width = `${probability * 100}%`;
  });
}

export function showLatency(latency, rateHz) {
  const total = Object.values(latency).reduce((sum, ms) => sum + ms, 0);
  setText("latency", `${total.toFixed(1)} ms`);
  setText("rate", rateHz ? rateHz.toFixed(1) : "–");
  getById("steps").replaceChildren(...Object.entries(latency).map(([name, ms]) => {
    const [row, term, value] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = getText(name);
    value.textContent = `${ms.toFixed(1)} ms`;
    row.append(term, value);
    return row;
  }));
}

// Show a photo or a frame. The model sees the centred part alone where it crops: everything else is darkened.
export function drawPicture(source, { fit, height_px: heightPx, width_px: widthPx }) {
  const canvas = getById("picture");
  const [width, height] = [source.videoWidth || source.width, source.videoHeight || source.height];
  const scale = Math.min(1, 960 / Math.max(width, height));
  const [columns, rows] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  // Setting the size clears the canvas, which would flicker.
  if (canvas.width !== columns || canvas.height !== rows) [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  context.drawImage(source, 0, 0, columns, rows);
  if (fit !== "crop") return;
  const wider = columns * heightPx >= rows * widthPx;
  const [partWidth, partHeight] = wider ? [(rows * widthPx) / heightPx, rows] : [columns, (columns * heightPx) / widthPx];
  const [left, top] = [(columns - partWidth) / 2, (rows - partHeight) / 2];
  context.fillStyle = "rgba(0, 0, 0, .55)";
  context.fillRect(0, 0, left, rows);
  context.fillRect(left + partWidth, 0, left, rows);
  context.fillRect(left, 0, partWidth, top);
  context.fillRect(left, top + partHeight, partWidth, top);
}
