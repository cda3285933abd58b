// The files of a bundle that are no text: arrays of numpy, and the outputs of a .tflite file.

const TYPES = { "|u1": Uint8Array, "|i1": Int8Array, "<f4": Float32Array, "<i4": Int32Array };

// Read an .npy file: {data, shape}. Throws for anything that edgetl does not write.
export function readNpy(buffer) {
  const bytes = new Uint8Array(buffer);
  if (String.fromCharCode(...bytes.subarray(1, 6)) !== "NUMPY" || bytes[6] !== 1) throw new Error("not an .npy file");
  const length = new DataView(buffer).getUint16(8, true);
  const header = String.fromCharCode(...bytes.subarray(10, 10 + length));
  const [, type] = /'descr': '([^']+)'/.exec(header) || [];
  const [, order] = /'fortran_order': (\w+)/.exec(header) || [];
  const [, sides] = /'shape': \(([\d, ]*)\)/.exec(header) || [];
  if (!TYPES[type] || order !== "False" || sides === undefined) throw new Error(`an unexpected .npy file: ${header}`);
  const shape = sides.split(",").map((side) => side.trim()).filter(Boolean).map(Number);
  const start = 10 + length;
  const count = shape.reduce((product, side) => product * side, 1);
  const data = new TYPES[type](buffer.slice(start, start + count * TYPES[type].BYTES_PER_ELEMENT));
  return { data, shape };
}

// Read an .npz file whose arrays are stored without compression: name → {data, shape}.
export function readNpz(buffer) {
  const view = new DataView(buffer);
  const arrays = {};
  // Source: APPNOTE.TXT of PKWARE, 4.3.7: the header before each file.
  for (let place = 0; view.getUint32(place, true) === 0x04034b50;) {
    const [method, size] = [view.getUint16(place + 8, true), view.getUint32(place + 18, true)];
    const [nameLength, extraLength] = [view.getUint16(place + 26, true), view.getUint16(place + 28, true)];
    if (method !== 0) throw new Error("the arrays are compressed");
    const name = String.fromCharCode(...new Uint8Array(buffer, place + 30, nameLength));
    const start = place + 30 + nameLength + extraLength;
    arrays[name.replace(/\.npy$/, "")] = readNpy(buffer.slice(start, start + size));
    place = start + size;
  }
  return arrays;
}

// Read scale and zero point of the outputs of a .tflite file, in their order; scale 0 means not quantized.
export function readOutputs(buffer) {
  const model = new Table(new DataView(buffer), new DataView(buffer).getUint32(0, true));
  // Numbers of fields, from 0. Source: schema.fbs of TensorFlow Lite.
  const [graph] = model.readTables(2);
  const tensors = graph.readTables(0);
  return graph.readIntegers(2).map((index) => {
    const quantization = tensors[index].readTable(4);
    const scales = quantization ? quantization.readVector(2) : { count: 0 };
    if (scales.count === 0) return { scale: 0, zeroPoint: 0, units: tensors[index].readIntegers(0).at(-1) };
    const zeroPoints = quantization.readVector(3);
    return {
      scale: scales.view.getFloat32(scales.start, true),
      // 64 bits, of which the lower half is enough for a zero point.
      zeroPoint: zeroPoints.count ? zeroPoints.view.getInt32(zeroPoints.start, true) : 0,
      units: tensors[index].readIntegers(0).at(-1),
    };
  });
}

// A table of FlatBuffers: the place of each field is in a table of offsets.
class Table {
  constructor(view, place) {
    this.view = view;
    this.place = place;
    this.offsets = place - view.getInt32(place, true);
    this.offsetsBytes = view.getUint16(this.offsets, true);
  }

  // The place of a field; 0 where the table does not have it.
  find(field) {
    const entry = 4 + field * 2;
    const offset = entry < this.offsetsBytes ? this.view.getUint16(this.offsets + entry, true) : 0;
    return offset && this.place + offset;
  }

  readTable(field) {
    const place = this.find(field);
    return place ? new Table(this.view, place + this.view.getUint32(place, true)) : null;
  }

  readVector(field) {
    const place = this.find(field);
    if (!place) return { view: this.view, start: 0, count: 0 };
    const vector = place + this.view.getUint32(place, true);
    return { view: this.view, start: vector + 4, count: this.view.getUint32(vector, true) };
  }

  readIntegers(field) {
    const { start, count } = this.readVector(field);
    return Array.from({ length: count }, (_, index) => this.view.getInt32(start + index * 4, true));
  }

  readTables(field) {
    const { start, count } = this.readVector(field);
    return Array.from({ length: count }, (_, index) => {
      const place = start + index * 4;
      return new Table(this.view, place + this.view.getUint32(place, true));
    });
  }
}
