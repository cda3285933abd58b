// The compressed data of a JPEG file: bits → quantized coefficients, of sequential and of progressive files.
//
// Source: ITU-T T.81, annexes C (codes), F (sequential) and G (progressive). Names of variables follow what they hold:
// `first` and `last` are the coefficients of a scan, `low` the number of bits that later scans add.

// The file is damaged, or of a kind that is not decoded here.
export class UnsupportedJpeg extends Error {}

// Codes up to this length are found in one step.
const FAST_BITS = 9;
const LONGEST_CODE = 16;

// Place of a coefficient in its block of 8 rows and 8 columns, by its number in the file: diagonals, to and fro.
const PLACES = new Uint8Array(64);
for (let diagonal = 0, number = 0; diagonal < 15; diagonal += 1) {
  for (let step = 0; step <= diagonal; step += 1) {
    const [row, column] = diagonal % 2 ? [step, diagonal - step] : [diagonal - step, step];
    if (row < 8 && column < 8) PLACES[number++] = row * 8 + column;
  }
}

export const placeOf = (number) => PLACES[number];

// counts: number of codes of 1 to 16 bits; symbols: in the order of their codes.
export function makeCodes(counts, symbols) {
  const fast = new Uint16Array(1 << FAST_BITS);
  const [ends, offsets] = [new Int32Array(LONGEST_CODE + 1), new Int32Array(LONGEST_CODE + 1)];
  let [code, index] = [0, 0];
  for (let length = 1; length <= LONGEST_CODE; length += 1) {
    offsets[length] = index - code;
    for (let count = 0; count < counts[length - 1]; count += 1, code += 1, index += 1) {
      const free = FAST_BITS - length;
      if (free >= 0) fast.fill((length << 8) | symbols[index], code << free, (code + 1) << free);
    }
    if (code > 1 << length) throw new UnsupportedJpeg("damaged codes");
    ends[length] = code << (LONGEST_CODE - length);
    code <<= 1;
  }
  return { fast, ends, offsets, symbols };
}

class BitReader {
  constructor(bytes, place) {
    this.bytes = bytes;
    this.place = place;
    this.startAgain();
  }

  startAgain() {
    // The last `count` bits of `buffer` are unread; the last `missing` of them are not in the file.
    this.buffer = 0;
    this.count = 0;
    this.missing = 0;
  }

  fill() {
    while (this.count <= 24) {
      let byte = this.bytes[this.place];
      // 0xff 0x00 is the byte 0xff. 0xff with another byte is a marker: the data ends.
      if (byte === undefined || (byte === 0xff && this.bytes[this.place + 1] !== 0)) {
        byte = 0;
        this.missing += 8;
      } else {
        this.place += byte === 0xff ? 2 : 1;
      }
      this.buffer = (this.buffer << 8) | byte;
      this.count += 8;
    }
  }

  read(bits) {
    if (this.count < bits) this.fill();
    this.count -= bits;
    return (this.buffer >>> this.count) & ((1 << bits) - 1);
  }

  readSymbol({ fast, ends, offsets, symbols }) {
    if (this.count < LONGEST_CODE) this.fill();
    const next = (this.buffer >>> (this.count - LONGEST_CODE)) & 0xffff;
    const entry = fast[next >>> (LONGEST_CODE - FAST_BITS)];
    if (entry) {
      this.count -= entry >>> 8;
      return entry & 0xff;
    }
    for (let length = FAST_BITS + 1; length <= LONGEST_CODE; length += 1) {
      if (next < ends[length]) {
        this.count -= length;
        return symbols[offsets[length] + (next >>> (LONGEST_CODE - length))];
      }
    }
    throw new UnsupportedJpeg("damaged data");
  }

  // A number of so many bits, whose first bit is 0 for negative ones.
  readNumber(bits) {
    if (bits === 0) return 0;
    const value = this.read(bits);
    return value < 1 << (bits - 1) ? value - (1 << bits) + 1 : value;
  }

  checkEnd() {
    if (this.missing > this.count) throw new UnsupportedJpeg("the data ends early");
  }

  passRestart() {
    while (this.bytes[this.place] === 0xff && this.bytes[this.place + 1] === 0xff) this.place += 1;
    const isRestart = this.bytes[this.place] === 0xff && (this.bytes[this.place + 1] & 0xf8) === 0xd0;
    if (!isRestart) throw new UnsupportedJpeg("damaged data");
    this.place += 2;
    this.startAgain();
  }
}

// Functions that read one block. state: {endRun}, the blocks that end before they begin.
function readSequential(reader, part, offset) {
  const { coefficients } = part.component;
  part.prediction += reader.readNumber(reader.readSymbol(part.dc));
  coefficients[offset] = part.prediction;
  for (let number = 1; number < 64; number += 1) {
    const symbol = reader.readSymbol(part.ac);
    const bits = symbol & 15;
    if (bits === 0 && symbol !== 0xf0) return;
    number += symbol >> 4;
    if (number > 63) throw new UnsupportedJpeg("damaged data");
    if (bits) coefficients[offset + PLACES[number]] = reader.readNumber(bits);
  }
}

function readFirstDc(reader, part, offset, { low }) {
  part.prediction += reader.readNumber(reader.readSymbol(part.dc));
  part.component.coefficients[offset] = part.prediction << low;
}

function refineDc(reader, part, offset, { low }) {
  if (reader.read(1)) part.component.coefficients[offset] |= 1 << low;
}

function readFirstAc(reader, part, offset, { first, last, low }, state) {
  if (state.endRun > 0) {
    state.endRun -= 1;
    return;
  }
  for (let number = first; number <= last; number += 1) {
    const symbol = reader.readSymbol(part.ac);
    const [run, bits] = [symbol >> 4, symbol & 15];
    if (bits === 0 && run < 15) {
      state.endRun = (1 << run) - 1 + reader.read(run);
      return;
    }
    number += run;
    if (number > 63) throw new UnsupportedJpeg("damaged data");
    if (bits) part.component.coefficients[offset + PLACES[number]] = reader.readNumber(bits) * (1 << low);
  }
}

function refineAc(reader, part, offset, { first, last, low }, state) {
  const { coefficients } = part.component;
  const step = 1 << low;
  const refine = (place) => {
    const value = coefficients[place];
    if (reader.read(1) && (value & step) === 0) coefficients[place] = value >= 0 ? value + step : value - step;
  };
  let number = first;
  for (; state.endRun === 0 && number <= last; number += 1) {
    const symbol = reader.readSymbol(part.ac);
    let run = symbol >> 4;
    const isNew = (symbol & 15) !== 0;
    if (!isNew && run < 15) {
      state.endRun = (1 << run) + reader.read(run);
      break;
    }
    const value = isNew && (reader.read(1) ? step : -step);
    // Coefficients that are not zero get a bit each; `run` of those that are zero stay so.
    for (; number <= last; number += 1) {
      const place = offset + PLACES[number];
      if (coefficients[place] !== 0) refine(place);
      else if (run === 0) break;
      else run -= 1;
    }
    if (isNew && number <= last) coefficients[offset + PLACES[number]] = value;
  }
  if (state.endRun === 0) return;
  for (; number <= last; number += 1) {
    const place = offset + PLACES[number];
    if (coefficients[place] !== 0) refine(place);
  }
  state.endRun -= 1;
}

function chooseReader(isProgressive, { first, high }) {
  if (!isProgressive) return readSequential;
  if (first === 0) return high === 0 ? readFirstDc : refineDc;
  return high === 0 ? readFirstAc : refineAc;
}

// Read the data of a scan into the coefficients of its components; return where it ends.
//
// frame: {isProgressive, columns, rows} with the number of units; scan: {parts, first, last, high, low, interval}, with
// {component, dc, ac} in parts; component: {coefficients, across, down, columns, rows, stride}, in blocks.
export function readScan(bytes, start, frame, scan) {
  const reader = new BitReader(bytes, start);
  const readBlock = chooseReader(frame.isProgressive, scan);
  const state = { endRun: 0 };
  const isSingle = scan.parts.length === 1;
  // The unit of a scan with one component is a block, and blocks beyond the edge of the photo are left out.
  const { columns, rows } = isSingle ? scan.parts[0].component : frame;
  for (let unit = 0; unit < columns * rows; unit += 1) {
    if (unit > 0 && scan.interval && unit % scan.interval === 0) {
      reader.passRestart();
      state.endRun = 0;
      for (const part of scan.parts) part.prediction = 0;
    }
    const [row, column] = [Math.floor(unit / columns), unit % columns];
    for (const part of scan.parts) {
      const { across, down, stride } = part.component;
      if (isSingle) {
        readBlock(reader, part, (row * stride + column) * 64, scan, state);
        continue;
      }
      for (let y = row * down; y < (row + 1) * down; y += 1) {
        for (let x = column * across; x < (column + 1) * across; x += 1) {
          readBlock(reader, part, (y * stride + x) * 64, scan, state);
        }
      }
    }
    reader.checkEnd();
  }
  return reader.place;
}
