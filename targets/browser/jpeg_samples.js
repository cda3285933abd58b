// From the coefficients of a JPEG file to RGB, with the integers of libjpeg: the build decodes with it.
//
// The inverse transform is the one of Loeffler, Ligtenberg and Moschytz (1989), in fixed point. A photo that is reduced
// is not transformed at its full size: each pass makes the averages of 2 or 4 neighbours. Source of constants, roundings
// and the filters of the colours: libjpeg-turbo, jidctint.c, jidctred.c, jdsample.c, jdcolor.c.
// tests/targets/test_browser_jpeg.py compares this with Pillow to the bit.

// Constants have so many fractional bits, and the result of the first pass so many more than integers.
const CONSTANT_BITS = 13;
const FIRST_PASS_BITS = 2;

// One pass: eight coefficients, `step` apart, to eight, four or two sums, shifted right with rounding.
function passTo8(input, from, step, output, shift) {
  const half = 1 << (shift - 1);
  const [c0, c1, c2, c3] = [input[from], input[from + step], input[from + 2 * step], input[from + 3 * step]];
  const [c4, c5, c6, c7] = [
    input[from + 4 * step], input[from + 5 * step], input[from + 6 * step], input[from + 7 * step],
  ];
  const turned = (c2 + c6) * 4433;
  const [sum, difference] = [(c0 + c4) << CONSTANT_BITS, (c0 - c4) << CONSTANT_BITS];
  const [outer, inner] = [turned + c2 * 6270, turned - c6 * 15137];
  const even = [sum + outer, difference + inner, difference - inner, sum - outer];
  const common = (c7 + c3 + c5 + c1) * 9633;
  const [left, right] = [(c7 + c1) * -7373, (c5 + c3) * -20995];
  const [third, fourth] = [(c7 + c3) * -16069 + common, (c5 + c1) * -3196 + common];
  const odd = [
    c1 * 12299 + left + fourth, c3 * 25172 + right + third, c5 * 16819 + right + fourth, c7 * 2446 + left + third,
  ];
  for (let place = 0; place < 4; place += 1) {
    output[from + place * step] = (even[place] + odd[place] + half) >> shift;
    output[from + (7 - place) * step] = (even[place] - odd[place] + half) >> shift;
  }
}

// Coefficient 4 has no part in averages of two.
function passTo4(input, from, step, output, shift) {
  const half = 1 << (shift - 1);
  const [c1, c2, c3] = [input[from + step], input[from + 2 * step], input[from + 3 * step]];
  const [c5, c6, c7] = [input[from + 5 * step], input[from + 6 * step], input[from + 7 * step]];
  const mean = input[from] << (CONSTANT_BITS + 1);
  const even = c2 * 15137 - c6 * 6270;
  const inner = -c7 * 1730 + c5 * 11893 - c3 * 17799 + c1 * 8697;
  const outer = -c7 * 4176 - c5 * 4926 + c3 * 7373 + c1 * 20995;
  output[from] = (mean + even + outer + half) >> shift;
  output[from + step] = (mean - even + inner + half) >> shift;
  output[from + 2 * step] = (mean - even - inner + half) >> shift;
  output[from + 3 * step] = (mean + even - outer + half) >> shift;
}

// Coefficients 2, 4 and 6 have no part in averages of four.
function passTo2(input, from, step, output, shift) {
  const half = 1 << (shift - 1);
  const mean = input[from] << (CONSTANT_BITS + 2);
  const odd =
    -input[from + 7 * step] * 5906 + input[from + 5 * step] * 6967 -
    input[from + 3 * step] * 10426 + input[from + step] * 29692;
  output[from] = (mean + odd + half) >> shift;
  output[from + step] = (mean - odd + half) >> shift;
}

// By the side of a block in the result: its pass, the columns that have a part, and the bits that averages add.
const TRANSFORMS = {
  8: { pass: passTo8, columns: [0, 1, 2, 3, 4, 5, 6, 7], bits: 0 },
  4: { pass: passTo4, columns: [0, 1, 2, 3, 5, 6, 7], bits: 1 },
  2: { pass: passTo2, columns: [0, 1, 3, 5, 7], bits: 2 },
};

const clip = (value) => Math.max(0, Math.min(255, value));

// The samples of a component: {data, stride, width, height}; a block of 8 x 8 becomes size x size.
export function transformComponent(component, size, [width, height]) {
  const { coefficients, quantization, stride: blocks, lines } = component;
  const stride = blocks * size;
  const data = new Uint8Array(stride * lines * size);
  const [block, sums] = [new Int32Array(64), new Int32Array(64)];
  const { pass, columns, bits } = TRANSFORMS[size] || {};
  for (let number = 0; number < blocks * lines; number += 1) {
    const start = Math.floor(number / blocks) * size * stride + (number % blocks) * size;
    if (size === 1) {
      data[start] = clip(128 + ((coefficients[number * 64] * quantization[0] + 4) >> 3));
      continue;
    }
    for (let place = 0; place < 64; place += 1) {
      block[place] = coefficients[number * 64 + place] * quantization[place];
    }
    for (const column of columns) pass(block, column, 8, sums, CONSTANT_BITS - FIRST_PASS_BITS + bits);
    for (let row = 0; row < size; row += 1) {
      pass(sums, row * 8, 1, block, CONSTANT_BITS + FIRST_PASS_BITS + 3 + bits);
      for (let column = 0; column < size; column += 1) {
        data[start + row * stride + column] = clip(128 + block[row * 8 + column]);
      }
    }
  }
  return { data, stride, width, height };
}

// Bring a component to the size of the photo: [width, height]. across and down: samples of the result for each of it.
export function enlargeComponent(plane, [across, down], [width, height], isSmooth) {
  if (isSmooth && across === 2 && down === 1 && plane.width > 2) return smoothColumns(plane, [width, height], 1);
  if (isSmooth && across === 2 && down === 2 && plane.width > 2) return smoothColumns(plane, [width, height], 2);
  if (isSmooth && across === 1 && down === 2) return smoothRows(plane, [width, height]);
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const line = Math.floor(y / down) * plane.stride;
    for (let x = 0; x < width; x += 1) data[y * width + x] = plane.data[line + Math.floor(x / across)];
  }
  return data;
}

// The row beside row y of the result that is second nearest; at the edge the nearest one.
function findNextRow(plane, y) {
  const row = y >> 1;
  return Math.max(0, Math.min(plane.height - 1, y % 2 ? row + 1 : row - 1));
}

function smoothRows(plane, [width, height]) {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const [near, far] = [(y >> 1) * plane.stride, findNextRow(plane, y) * plane.stride];
    for (let x = 0; x < width; x += 1) {
      data[y * width + x] = (plane.data[near + x] * 3 + plane.data[far + x] + (y % 2 ? 2 : 1)) >> 2;
    }
  }
  return data;
}

// Twice as many columns, each 3/4 of the nearest sample and 1/4 of the next; the same for rows where down is 2.
function smoothColumns(plane, [width, height], down) {
  const data = new Uint8Array(width * height);
  const sums = new Int32Array(plane.width);
  const last = plane.width - 1;
  // Halves are rounded up and down by turns.
  const [shift, even, odd] = down === 2 ? [4, 8, 7] : [2, 1, 2];
  for (let y = 0; y < height; y += 1) {
    const near = (down === 2 ? y >> 1 : y) * plane.stride;
    const far = findNextRow(plane, y) * plane.stride;
    for (let x = 0; x <= last; x += 1) {
      sums[x] = down === 2 ? plane.data[near + x] * 3 + plane.data[far + x] : plane.data[near + x];
    }
    for (let x = 0; x < width; x += 1) {
      const column = x >> 1;
      const next = x % 2 ? Math.min(last, column + 1) : Math.max(0, column - 1);
      data[y * width + x] = (sums[column] * 3 + sums[next] + (x % 2 ? odd : even)) >> shift;
    }
  }
  return data;
}

// Three planes of luminance and colour differences → RGB. Constants have 16 fractional bits.
export function convertToRgb([luminance, blues, reds]) {
  const data = new Uint8Array(luminance.length * 3);
  for (let place = 0; place < luminance.length; place += 1) {
    const [value, blue, red] = [luminance[place], blues[place] - 128, reds[place] - 128];
    data[place * 3] = clip(value + ((91881 * red + 32768) >> 16));
    data[place * 3 + 1] = clip(value + ((-22554 * blue - 46802 * red + 32768) >> 16));
    data[place * 3 + 2] = clip(value + ((116130 * blue + 32768) >> 16));
  }
  return data;
}
