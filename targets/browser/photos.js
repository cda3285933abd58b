// A photo file → upright RGB pixels. JPEG files are decoded by jpeg.js, as the build does it; all others by the browser.
//
// For the browser, colour profiles and orientation are removed from the file first: browsers differ in what they do with
// them, and pixels.py ignores the one and applies the other itself.

import { UnsupportedJpeg, decodeJpeg } from "./jpeg.js";
import { chooseReduction, dropAlpha, orientImage, reduceImage } from "./pixels.js";

const MAX_BYTES = 256 * 1024 * 1024; // As in pixels.py.
// Chunks of PNG that change colours or orientation. Source: PNG specification, third edition, 11.3.
const PNG_CHUNKS = new Set(["iCCP", "gAMA", "cHRM", "sRGB", "cICP", "eXIf"]);

// bytes: Uint8Array of a file. Returns {data, width, height, decoder}, for a model whose longer side is sidePx. The
// decoder is "page" or "browser".
export async function decodePhoto(bytes, sidePx) {
  if (bytes.length > MAX_BYTES) throw new Error(`file over the limit of ${MAX_BYTES >> 20} MiB`);
  const { parts, orientation, kind } = removeMetadata(bytes);
  if (kind === "image/jpeg") {
    try {
      const image = decodeJpeg(bytes, (width, height) => chooseReduction(width, height, sidePx));
      return { ...orientImage(image, orientation), decoder: "page" };
    } catch (error) {
      // The browser decodes kinds of JPEG that jpeg.js does not. The caller sees it in `decoder`.
      if (!(error instanceof UnsupportedJpeg)) throw error;
    }
  }
  const bitmap = await createImageBitmap(new Blob(parts, { type: kind }), { colorSpaceConversion: "none" });
  try {
    const image = dropAlpha(readBitmap(bitmap));
    // The build reduces large JPEG files alone.
    const factor = kind === "image/jpeg" ? chooseReduction(image.width, image.height, sidePx) : 1;
    return { ...orientImage(reduceImage(image, factor), orientation), decoder: "browser" };
  } finally {
    bitmap.close();
  }
}

// The RGBA pixels of a bitmap, or of the frame of a camera, with white behind transparent pixels.
export function readBitmap(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// Split a file into what the browser decodes, its orientation, and its kind.
export function removeMetadata(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return removeFromJpeg(bytes);
  if (bytes[0] === 0x89 && readText(bytes, 1, 3) === "PNG") return removeFromPng(bytes);
  return { parts: [bytes], orientation: 1, kind: "" };
}

function removeFromJpeg(bytes) {
  const parts = [bytes.subarray(0, 2)];
  let orientation = 1;
  let place = 2;
  // Segments until the first scan (0xda). Source: ITU-T T.81, annex B.
  while (place + 4 <= bytes.length && bytes[place] === 0xff && bytes[place + 1] !== 0xda) {
    if (bytes[place + 1] === 0xff) {
      place += 1; // A fill byte before a marker.
      continue;
    }
    const length = 2 + bytes[place + 2] * 256 + bytes[place + 3];
    const segment = bytes.subarray(place, place + length);
    const [marker, text] = [bytes[place + 1], readText(segment, 4, 11)];
    const isExif = marker === 0xe1 && text.startsWith("Exif\0\0");
    if (isExif) orientation = readOrientation(segment.subarray(10));
    // The profile is in segments of its own; the one of Adobe (0xee) says how colours are stored, and stays.
    if (!isExif && !(marker === 0xe2 && text === "ICC_PROFILE")) parts.push(segment);
    place += length;
  }
  return { parts: [...parts, bytes.subarray(place)], orientation, kind: "image/jpeg" };
}

function removeFromPng(bytes) {
  const parts = [bytes.subarray(0, 8)];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let place = 8;
  while (place + 12 <= bytes.length) {
    const length = 12 + view.getUint32(place);
    const [name, chunk] = [readText(bytes, place + 4, 4), bytes.subarray(place, place + length)];
    if (name === "eXIf") orientation = readOrientation(chunk.subarray(8, -4));
    if (!PNG_CHUNKS.has(name)) parts.push(chunk);
    place += length;
  }
  return { parts, orientation, kind: "image/png" };
}

// Read tag 274 of an EXIF block; 1 (upright) where there is none, or the block is damaged.
export function readOrientation(block) {
  const littleEndian = readText(block, 0, 2) === "II";
  if (!littleEndian && readText(block, 0, 2) !== "MM") return 1;
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  try {
    const start = view.getUint32(4, littleEndian);
    const entries = view.getUint16(start, littleEndian);
    // An entry has 12 bytes: tag, type (3 is a 16-bit integer), number of values, value.
    for (let entry = start + 2; entry < start + 2 + 12 * entries; entry += 12) {
      const isOrientation = view.getUint16(entry, littleEndian) === 274;
      const isShort = view.getUint16(entry + 2, littleEndian) === 3 && view.getUint32(entry + 4, littleEndian) === 1;
      if (isOrientation && isShort) return view.getUint16(entry + 8, littleEndian);
    }
  } catch (error) {
    // A number outside of the block.
    if (error instanceof RangeError) return 1;
    throw error;
  }
  return 1;
}

function readText(bytes, start, length) {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
