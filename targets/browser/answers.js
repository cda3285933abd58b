// Output and features of a photo → the answer: a label, "unsure", or "none of these". The arithmetic is that of
// answers.py and classify.py; the thresholds are in model.json.

// Float32 rounding of a dot product differs between processors in the last digits: SIMILARITY_TOLERANCE of answers.py.
const SIMILARITY_TOLERANCE = 1e-5;

// Real numbers from the integers of a tensor; scale 0 means not quantized.
export function dequantize(values, { scale, zeroPoint }) {
  const real = new Float32Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    real[index] = scale ? Math.fround(values[index] - zeroPoint) * Math.fround(scale) : values[index];
  }
  return real;
}

// [label, probability] of each label, the most probable first.
export function rankLabels(output, labels) {
  // One sigmoid output is the probability of the second label.
  const values = output.length === 1 && labels.length === 2 ? [1 - output[0], output[0]] : [...output];
  // The sort is stable: of equal probabilities the first label counts.
  return labels.map((label, index) => [label, values[index]]).sort((left, right) => right[1] - left[1]);
}

// The answers of a bundle, from model.json and the rows of features.npy; null for a bundle without it.
export class Answers {
  constructor(facts, reference) {
    this.labels = facts.output.labels;
    const thresholds = facts.output.thresholds;
    this.labelThresholds = thresholds ? new Map(this.labels.map((label, index) => [label, thresholds[index]])) : null;
    const rule = facts.answers;
    this.isSet = Boolean(rule);
    this.leastProbability = (!this.labelThresholds && rule && rule.least_probability) || 0;
    this.leastSimilarities = new Map(Object.entries((rule && rule.least_similarities) || {}));
    this.reference = rule && reference ? normalizeRows(reference) : null;
  }

  // kind is "label", "unsure" or "none"; names are the labels of the photo, which a photo of several may have none of.
  answer(output, features) {
    const ranked = rankLabels(output, this.labels);
    const [label, probability] = ranked[0];
    const second = ranked[Math.min(1, ranked.length - 1)][0];
    if (this.reference && !features) throw new Error("the model has no features to compare with features.npy");
    const similarity = this.reference ? computeSimilarity(this.reference, features) : 1;
    const leastSimilarity = this.leastSimilarities.has(label) ? this.leastSimilarities.get(label) : -1;
    const known = similarity >= leastSimilarity - SIMILARITY_TOLERANCE;
    const accepted = known && probability >= this.leastProbability;
    const names = this.labelThresholds
      ? ranked.filter(([name, value]) => value >= this.labelThresholds.get(name)).map(([name]) => name)
      : [label];
    const kind = accepted ? "label" : known ? "unsure" : "none";
    const least = { probability: this.leastProbability, similarity: leastSimilarity };
    return { kind, names, ranked, label, second, probability, similarity, known, accepted, least };
  }
}

function normalizeRows({ data, shape: [rows, length] }) {
  const values = new Float32Array(rows * length);
  for (let row = 0; row < rows; row += 1) {
    values.set(normalize(data.subarray(row * length, (row + 1) * length)), row * length);
  }
  return { values, rows, length };
}

// Scale to length 1; zeros stay.
function normalize(values) {
  const real = Float32Array.from(values);
  let sum = 0;
  for (const value of real) sum += value * value;
  const length = Math.sqrt(sum) || 1;
  return real.map((value) => value / length);
}

// The largest cosine similarity to a row of the reference, -1..1.
function computeSimilarity({ values, rows, length }, features) {
  if (features.length !== length) throw new Error(`${features.length} features, and ${length} in features.npy`);
  const unit = normalize(features);
  let largest = -Infinity;
  for (let row = 0; row < rows; row += 1) {
    let sum = 0;
    for (let index = 0; index < length; index += 1) sum += values[row * length + index] * unit[index];
    largest = Math.max(largest, sum);
  }
  return largest;
}
