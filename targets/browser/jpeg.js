// A JPEG file → RGB, to the bit as the build decodes it, at 1/1, 1/2, 1/4 or 1/8 of its size.
//
// Decoders of browsers differ from each other, and none offers a reduced size. Kinds that are not decoded here, such as
// CMYK and arithmetic coding, raise UnsupportedJpeg. Source: ITU-T T.81, annex B.

import { convertToRgb, enlargeComponent, transformComponent } from "./jpeg_samples.js";
import { UnsupportedJpeg, makeCodes, placeOf, readScan } from "./jpeg_scan.js";

export { UnsupportedJpeg };

const MARKERS = { baseline: 0xc0, extended: 0xc1, progressive: 0xc2, codes: 0xc4, end: 0xd9, scan: 0xda };
const [QUANTIZATION, RESTART_INTERVAL, JFIF, ADOBE] = [0xdb, 0xdd, 0xe0, 0xee];
// Coefficients that libjpeg estimates from neighbouring blocks where a progressive file does not contain all their bits.
const ESTIMATED = 10;

// bytes: Uint8Array; chooseFactor: (width, height) → 1, 2, 4 or 8. Returns {data, width, height}, data is RGB.
export function decodeJpeg(bytes, chooseFactor) {
  const file = readFile(bytes);
  const { width, height, components } = file.frame;
  checkComplete(file.frame);
  const side = 8 / chooseFactor(width, height);
  const scale = (length) => Math.ceil((length * side) / 8);
  const size = [scale(width), scale(height)];
  const planes = components.map((component) => makePlane(component, file.frame, side, size));
  return { data: joinPlanes(planes, file), width: size[0], height: size[1] };
}

function makePlane(component, { width, height, across, down }, side, size) {
  // Components with fewer samples are reduced less where that gives them the size of the photo.
  let blockSide = side;
  const fits = (most, own) => (most * side) % (own * blockSide * 2) === 0;
  while (blockSide < 8 && fits(across, component.across) && fits(down, component.down)) blockSide *= 2;
  const scale = (length, own, most) => Math.ceil((length * own * blockSide) / (most * 8));
  const samples = [scale(width, component.across, across), scale(height, component.down, down)];
  const ratios = [(across * side) / (component.across * blockSide), (down * side) / (component.down * blockSide)];
  if (ratios.some((ratio) => ratio !== Math.floor(ratio))) throw new UnsupportedJpeg("an unusual sampling of colours");
  return enlargeComponent(transformComponent(component, blockSide, samples), ratios, size, side > 1);
}

function joinPlanes(planes, { frame, hasJfif, adobe }) {
  const identifiers = frame.components.map(({ identifier }) => identifier);
  if (planes.length === 3 && !hasJfif) {
    const isRgb = adobe === undefined ? String.fromCharCode(...identifiers) === "RGB" : adobe === 0;
    if (!isRgb) return convertToRgb(planes);
  } else if (planes.length === 3) {
    return convertToRgb(planes);
  }
  // Grey, or red, green and blue as they are.
  const data = new Uint8Array(planes[0].length * 3);
  for (let place = 0; place < data.length; place += 1) {
    data[place] = planes[planes.length === 3 ? place % 3 : 0][Math.floor(place / 3)];
  }
  return data;
}

// Read all segments and scans: {frame, hasJfif, adobe}.
function readFile(bytes) {
  const file = { frame: null, hasJfif: false, adobe: undefined, quantization: [], dc: [], ac: [], interval: 0 };
  let place = 2;
  while (place + 4 <= bytes.length) {
    if (bytes[place] !== 0xff) throw new UnsupportedJpeg("damaged segments");
    const marker = bytes[place + 1];
    if (marker === 0xff) {
      place += 1; // A fill byte before a marker.
      continue;
    }
    if (marker === MARKERS.end) break;
    const end = place + 2 + bytes[place + 2] * 256 + bytes[place + 3];
    const segment = bytes.subarray(place + 4, end);
    place = marker === MARKERS.scan ? readScanOf(file, segment, bytes, end) : end;
    if (marker !== MARKERS.scan) readSegment(file, marker, segment);
  }
  if (bytes[place] !== 0xff || bytes[place + 1] !== MARKERS.end) throw new UnsupportedJpeg("the file ends early");
  if (!file.frame) throw new UnsupportedJpeg("no frame");
  return file;
}

function readSegment(file, marker, segment) {
  const { baseline, extended, progressive, codes } = MARKERS;
  if (marker === codes) readCodes(file, segment);
  else if ([baseline, extended, progressive].includes(marker)) readFrame(file, segment, marker === progressive);
  else if (marker >= 0xc0 && marker <= 0xcf) throw new UnsupportedJpeg("lossless or arithmetic coding");
  else if (marker === QUANTIZATION) readQuantization(file, segment);
  else if (marker === RESTART_INTERVAL) file.interval = segment[0] * 256 + segment[1];
  else if (marker === JFIF && startsWith(segment, "JFIF\0")) file.hasJfif = true;
  else if (marker === ADOBE && startsWith(segment, "Adobe") && segment.length >= 12) file.adobe = segment[11];
}

function startsWith(segment, text) {
  return [...text].every((letter, place) => segment[place] === letter.charCodeAt(0));
}

function readQuantization(file, segment) {
  for (let place = 0; place < segment.length;) {
    const [isWide, number] = [segment[place] >> 4, segment[place] & 15];
    const table = new Int32Array(64);
    place += 1;
    for (let index = 0; index < 64; index += 1, place += isWide ? 2 : 1) {
      table[placeOf(index)] = isWide ? segment[place] * 256 + segment[place + 1] : segment[place];
    }
    file.quantization[number] = table;
  }
}

function readCodes(file, segment) {
  for (let place = 0; place + 17 <= segment.length;) {
    const counts = segment.subarray(place + 1, place + 17);
    const length = counts.reduce((sum, count) => sum + count, 0);
    const tables = segment[place] >> 4 ? file.ac : file.dc;
    tables[segment[place] & 15] = makeCodes(counts, segment.slice(place + 17, place + 17 + length));
    place += 17 + length;
  }
}

function readFrame(file, segment, isProgressive) {
  const [height, width] = [segment[1] * 256 + segment[2], segment[3] * 256 + segment[4]];
  const isKnown = segment[0] === 8 && height > 0 && width > 0 && (segment[5] === 1 || segment[5] === 3);
  if (!isKnown || file.frame) throw new UnsupportedJpeg("12 bits, CMYK, or several frames");
  const components = Array.from({ length: segment[5] }, (_, index) => {
    const [identifier, sampling, table] = segment.subarray(6 + index * 3);
    return { identifier, table, across: sampling >> 4, down: sampling & 15, quantization: null };
  });
  const across = Math.max(...components.map((component) => component.across));
  const down = Math.max(...components.map((component) => component.down));
  const [columns, rows] = [Math.ceil(width / (8 * across)), Math.ceil(height / (8 * down))];
  for (const component of components) {
    if (!component.across || !component.down) throw new UnsupportedJpeg("a component without samples");
    // Blocks that contain pixels of the photo, and blocks with those that fill the last units.
    component.columns = Math.ceil(Math.ceil((width * component.across) / across) / 8);
    component.rows = Math.ceil(Math.ceil((height * component.down) / down) / 8);
    [component.stride, component.lines] = [columns * component.across, rows * component.down];
    component.coefficients = new Int16Array(component.stride * component.lines * 64);
    component.unread = new Int8Array(ESTIMATED).fill(-1);
  }
  file.frame = { isProgressive, width, height, across, down, columns, rows, components };
}

// Read a scan; return where its data ends.
function readScanOf(file, segment, bytes, start) {
  const { frame, interval } = file;
  if (!frame) throw new UnsupportedJpeg("a scan before the frame");
  const parts = Array.from({ length: segment[0] }, (_, index) => {
    const [identifier, tables] = segment.subarray(1 + index * 2);
    const component = frame.components.find((candidate) => candidate.identifier === identifier);
    if (!component) throw new UnsupportedJpeg("a scan of no component");
    // The table of the first scan counts, whatever later segments contain.
    component.quantization ||= file.quantization[component.table];
    return { component, dc: file.dc[tables >> 4], ac: file.ac[tables & 15], prediction: 0 };
  });
  const [first, last, bits] = segment.subarray(1 + segment[0] * 2);
  const [high, low] = frame.isProgressive ? [bits >> 4, bits & 15] : [0, 0];
  const needed = { dc: !frame.isProgressive || (first === 0 && high === 0), ac: !frame.isProgressive || first > 0 };
  for (const part of parts) {
    const isComplete = part.component.quantization && (part.dc || !needed.dc) && (part.ac || !needed.ac);
    if (!isComplete) throw new UnsupportedJpeg("a table is missing");
    part.component.unread.fill(low, first, frame.isProgressive ? Math.min(last + 1, ESTIMATED) : ESTIMATED);
  }
  return readScan(bytes, start, frame, { parts, first, last, high, low, interval });
}

function checkComplete({ components }) {
  if (components.some(({ unread }) => unread.some((bits) => bits !== 0))) throw new UnsupportedJpeg("scans are missing");
}
