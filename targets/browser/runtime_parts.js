// Parts of runtime.js that are the same for all runtimes: the download of WebAssembly, and the input tensor.

// Load a file, which a server may compress on the way, or keep as it is.
export async function loadWebAssembly(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // gzip begins with these bytes, WebAssembly with others: some servers unpack a .gz file themselves.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

// The values of the input tensor, from 0..255. Scale 1 and zero point 0 are the identity: edgetl's own int8 files.
export function makeConverter({ dtype, scale, zero_point: zeroPoint }) {
  const types = { uint8: [Uint8Array, 0, 255], int8: [Int8Array, -128, 127], float32: [Float32Array, -Infinity, Infinity] };
  if (!types[dtype]) throw new Error(`input of ${dtype} is not supported`);
  const [Values, least, largest] = types[dtype];
  if (!scale || (scale === 1 && zeroPoint === 0)) return dtype === "uint8" ? (pixels) => pixels : (pixels) => Values.from(pixels);
  const table = Values.from({ length: 256 }, (_, value) => {
    const exact = value / scale;
    // Halves go to the even neighbour, as numpy.rint does.
    const rounded = exact % 1 === 0.5 ? 2 * Math.round(exact / 2) : Math.round(exact);
    return Math.min(largest, Math.max(least, rounded + zeroPoint));
  });
  return (pixels) => Values.from(pixels, (value) => table[value]);
}
