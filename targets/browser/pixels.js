// Decoded pixels → the input of the model, with the arithmetic of pixels.py: same pixels in, same pixels out.
//
// Canvas and createImageBitmap resize with filters that differ from browser to browser. This is Pillow's antialiased
// bilinear filter in fixed point, which the build has used. An image is {data, width, height}: data is RGB, 3 bytes a
// pixel, row by row. tests/targets/test_browser_pixels.py compares this file with pixels.py.

export const FITS = ["crop", "stretch", "pad"];
// A reduced decode keeps so many pixels: FLOOR_PX of pixels.py.
const FLOOR_PX = 192;
// Weights are integers of so many fractional bits. Source: Pillow, Resample.c: 32 bits less 8 of a pixel and 2 of a sum.
const FRACTION_BITS = 22;

// Bring an image to the size of the result: `fit_image` of pixels.py.
export function fitImage(image, heightPx, widthPx, fit) {
  if (!FITS.includes(fit)) throw new RangeError(`unknown fit ${fit}: known are ${FITS.join(", ")}`);
  if (!(heightPx >= 1 && widthPx >= 1)) throw new RangeError(`${heightPx} x ${widthPx} px: at least 1 is needed`);
  const { width, height } = image;
  // Products of integers are exact: a photo of the shape of the result is never taken for a wider one.
  const wider = width * heightPx >= height * widthPx;
  let size = [widthPx, heightPx];
  let box = [0, 0, width, height];
  if (fit === "crop") {
    const part = wider ? [(height * widthPx) / heightPx, height] : [width, (width * heightPx) / widthPx];
    const [left, top] = [(width - part[0]) / 2, (height - part[1]) / 2];
    box = [left, top, left + part[0], top + part[1]];
  } else if (fit === "pad") {
    const rows = roundHalfEven((height * widthPx) / width);
    const columns = roundHalfEven((width * heightPx) / height);
    size = wider ? [widthPx, Math.max(1, rows)] : [Math.max(1, columns), heightPx];
  }
  const resized = resize(image, size, box);
  return fit === "pad" ? padImage(resized, widthPx, heightPx) : resized;
}

// The factor by which a large JPEG is reduced before the filter: `choose_reduction` of pixels.py.
export function chooseReduction(width, height, sidePx) {
  const largest = Math.floor(Math.min(width, height) / Math.max(sidePx, FLOOR_PX));
  return [8, 4, 2, 1].find((factor) => largest >= factor || factor === 1);
}

// Average blocks of factor x factor pixels of a JPEG that jpeg.js does not decode. The build lets libjpeg decode it at
// 1/2, 1/4 or 1/8, which no browser offers: this is not the same to the bit.
export function reduceImage(image, factor) {
  if (factor === 1) return image;
  // libjpeg rounds the size up: the last blocks may be narrower.
  const [width, height] = [Math.ceil(image.width / factor), Math.ceil(image.height / factor)];
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row += 1) {
    const lastRow = Math.min((row + 1) * factor, image.height);
    for (let column = 0; column < width; column += 1) {
      const lastColumn = Math.min((column + 1) * factor, image.width);
      let [red, green, blue, count] = [0, 0, 0, 0];
      for (let y = row * factor; y < lastRow; y += 1) {
        for (let x = column * factor; x < lastColumn; x += 1) {
          const source = (y * image.width + x) * 3;
          red += image.data[source];
          green += image.data[source + 1];
          blue += image.data[source + 2];
          count += 1;
        }
      }
      const target = (row * width + column) * 3;
      data[target] = Math.floor(red / count + 0.5);
      data[target + 1] = Math.floor(green / count + 0.5);
      data[target + 2] = Math.floor(blue / count + 0.5);
    }
  }
  return { data, width, height };
}

// Make a photo upright by its EXIF orientation, 1 to 8; other values leave it as it is.
export function orientImage(image, orientation) {
  if (!(orientation >= 2 && orientation <= 8)) return image;
  const { width, height } = image;
  const swapped = orientation >= 5;
  const result = { data: new Uint8Array(image.data.length), width: swapped ? height : width, height: swapped ? width : height };
  // Where the pixel of column x and row y goes. Source: EXIF 2.32, tag 274.
  const places = {
    2: (x, y) => [width - 1 - x, y],
    3: (x, y) => [width - 1 - x, height - 1 - y],
    4: (x, y) => [x, height - 1 - y],
    5: (x, y) => [y, x],
    6: (x, y) => [height - 1 - y, x],
    7: (x, y) => [height - 1 - y, width - 1 - x],
    8: (x, y) => [y, width - 1 - x],
  };
  const place = places[orientation];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [column, row] = place(x, y);
      const [source, target] = [(y * width + x) * 3, (row * result.width + column) * 3];
      result.data[target] = image.data[source];
      result.data[target + 1] = image.data[source + 1];
      result.data[target + 2] = image.data[source + 2];
    }
  }
  return result;
}

// Take red, green and blue from the RGBA pixels of a canvas.
export function dropAlpha({ data, width, height }) {
  const rgb = new Uint8Array(width * height * 3);
  for (let source = 0, target = 0; source < data.length; source += 4, target += 3) {
    rgb[target] = data[source];
    rgb[target + 1] = data[source + 1];
    rgb[target + 2] = data[source + 2];
  }
  return { data: rgb, width, height };
}

// One axis at a time, the longer axis first, as pixels.py does: each pass rounds to integers.
function resize(image, [columns, rows], [left, top, right, bottom]) {
  const passes = [
    (source) => resizeColumns(source, columns, left, right),
    (source) => resizeRows(source, rows, top, bottom),
  ];
  if (image.width < image.height) passes.reverse();
  return passes.reduce((source, pass) => pass(source), image);
}

function resizeColumns(image, columns, left, right) {
  const { data, width, height } = image;
  if (isWhole(width, columns, left, right)) return image;
  const { starts, counts, weights, size } = computeWeights(width, left, right, columns);
  const result = new Uint8Array(columns * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      let [red, green, blue] = [1 << (FRACTION_BITS - 1), 1 << (FRACTION_BITS - 1), 1 << (FRACTION_BITS - 1)];
      let source = (y * width + starts[x]) * 3;
      for (let index = x * size; index < x * size + counts[x]; index += 1, source += 3) {
        red += data[source] * weights[index];
        green += data[source + 1] * weights[index];
        blue += data[source + 2] * weights[index];
      }
      const target = (y * columns + x) * 3;
      result[target] = clip(red);
      result[target + 1] = clip(green);
      result[target + 2] = clip(blue);
    }
  }
  return { data: result, width: columns, height };
}

function resizeRows(image, rows, top, bottom) {
  const { data, width, height } = image;
  if (isWhole(height, rows, top, bottom)) return image;
  const { starts, counts, weights, size } = computeWeights(height, top, bottom, rows);
  const stride = width * 3;
  const result = new Uint8Array(rows * stride);
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < stride; x += 1) {
      let sum = 1 << (FRACTION_BITS - 1);
      let source = starts[y] * stride + x;
      for (let index = y * size; index < y * size + counts[y]; index += 1, source += stride) {
        sum += data[source] * weights[index];
      }
      result[y * stride + x] = clip(sum);
    }
  }
  return { data: result, width, height: rows };
}

// Pillow copies an axis that keeps its length.
function isWhole(length, size, start, end) {
  return length === size && Math.fround(start) === 0 && Math.fround(end) === length;
}

// The first pixel, the number of pixels and the weights of each pixel of the result. Source: Pillow, Resample.c.
function computeWeights(length, start, end, size) {
  // Pillow holds the bounds of the box, and their difference, as float32.
  const [first, last] = [Math.fround(start), Math.fround(end)];
  const scale = Math.fround(last - first) / size;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(size);
  const counts = new Int32Array(size);
  const weights = new Int32Array(size * most);
  for (let place = 0; place < size; place += 1) {
    const centre = first + (place + 0.5) * scale;
    const from = Math.max(0, Math.trunc(centre - support + 0.5));
    const to = Math.min(length, Math.trunc(centre + support + 0.5));
    const triangle = [];
    let total = 0;
    for (let pixel = from; pixel < to; pixel += 1) {
      // Pillow multiplies by the inverse, which rounds differently from a division.
      const weight = Math.max(0, 1 - Math.abs((pixel - centre + 0.5) * (1 / support)));
      triangle.push(weight);
      total += weight;
    }
    starts[place] = from;
    counts[place] = to - from;
    triangle.forEach((weight, index) => {
      const normal = total === 0 ? weight : weight * (1 / total);
      weights[place * most + index] = Math.trunc(0.5 + normal * (1 << FRACTION_BITS));
    });
  }
  return { starts, counts, weights, size: most };
}

function clip(sum) {
  // Sums fit into 32 bits: the weights of a pixel have the sum 1 and are never negative.
  return Math.max(0, Math.min(255, sum >> FRACTION_BITS));
}

// Python's round(): halves go to the even neighbour.
function roundHalfEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function padImage(image, width, height) {
  const data = new Uint8Array(width * height * 3);
  const [left, top] = [Math.floor((width - image.width) / 2), Math.floor((height - image.height) / 2)];
  for (let row = 0; row < image.height; row += 1) {
    const line = image.data.subarray(row * image.width * 3, (row + 1) * image.width * 3);
    data.set(line, ((top + row) * width + left) * 3);
  }
  return { data, width, height };
}
