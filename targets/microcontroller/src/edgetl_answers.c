#include "edgetl_answers.h"

#include <math.h>
#include <stddef.h>

/* Rounding of single precision in the similarities of the build. Source: answers.py of edgetl. */
#define SIMILARITY_TOLERANCE 1e-5

float edgetl_read_probability(const edgetl_settings *settings, const uint8_t *outputs, int label) {
  int one_unit = settings->units == 1 && settings->labels == 2;
  /* A variable that is volatile keeps compilers from fusing the product with the difference below. */
  volatile float value =
      (float)(outputs[one_unit ? 0 : label] - settings->output_zero_point) * settings->output_scale;
  return one_unit && label == 0 ? 1.0f - value : value;
}

int edgetl_has_label(const edgetl_settings *settings, const uint8_t *outputs, int label) {
  if (settings->label_thresholds == NULL) return edgetl_decide(settings, outputs, NULL).label == label;
  return (double)edgetl_read_probability(settings, outputs, label) >= settings->label_thresholds[label];
}

/* The largest cosine of the features to a row of the reference; 0 for features of zeros. The sums are exact. */
static double compute_similarity(const edgetl_settings *settings, const int8_t *features) {
  double largest = -1.0;
  int64_t feature_sum = 0;
  int row, index;
  for (index = 0; index < settings->features; index++) {
    int value = features[index] - settings->features_zero_point;
    feature_sum += value * value;
  }
  for (row = 0; row < settings->references; row++) {
    const int8_t *reference = settings->reference + (size_t)row * (size_t)settings->features;
    int64_t product = 0, reference_sum = 0;
    double length, cosine;
    for (index = 0; index < settings->features; index++) {
      product += reference[index] * (features[index] - settings->features_zero_point);
      reference_sum += reference[index] * reference[index];
    }
    length = sqrt((double)reference_sum) * sqrt((double)feature_sum);
    cosine = length > 0.0 ? (double)product / length : 0.0;
    if (cosine > largest) largest = cosine;
  }
  return largest;
}

edgetl_answer edgetl_decide(const edgetl_settings *settings, const uint8_t *outputs, const int8_t *features) {
  edgetl_answer answer;
  int label;
  answer.label = 0;
  for (label = 1; label < settings->labels; label++) {
    if (edgetl_read_probability(settings, outputs, label) >
        edgetl_read_probability(settings, outputs, answer.label)) {
      answer.label = label;
    }
  }
  /* Of equal probabilities, the first label counts as the more probable one. */
  answer.second = answer.label == 0 && settings->labels > 1 ? 1 : 0;
  for (label = 0; label < settings->labels; label++) {
    if (label != answer.label && edgetl_read_probability(settings, outputs, label) >
                                     edgetl_read_probability(settings, outputs, answer.second)) {
      answer.second = label;
    }
  }
  answer.probability = edgetl_read_probability(settings, outputs, answer.label);
  answer.similarity = 1.0;
  answer.known = 1;
  if (settings->least_similarities != NULL && features != NULL) {
    answer.similarity = compute_similarity(settings, features);
    answer.known = answer.similarity >= settings->least_similarities[answer.label] - SIMILARITY_TOLERANCE;
  }
  answer.accepted = answer.known && (double)answer.probability >= settings->least_probability;
  return answer;
}
