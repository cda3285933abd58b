/* The outputs of the model -> a label, "unsure" between two labels, or "none of these".

   The rules and the arithmetic are those of edgetl on a computer: see docs/microcontrollers.md of edgetl. */
#ifndef EDGETL_ANSWERS_H_
#define EDGETL_ANSWERS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a model needs beside its file. model_settings.c has that of this model. */
typedef struct {
  int labels;
  const char *const *names; /* [labels] */
  int units;                /* of the first output: as many as labels, or 1 for two labels */
  float output_scale;       /* probability = (output - output_zero_point) * output_scale */
  int output_zero_point;
  const double *label_thresholds;   /* [labels] where a photo may have several labels, else NULL */
  double least_probability;         /* an answer with a lower probability is unsure */
  const double *least_similarities; /* [labels]: a lower similarity is none of these; NULL without features */
  int references;                   /* rows of `reference` */
  int features;                     /* units of the second output */
  int features_zero_point;
  const int8_t *reference; /* [references x features], features of training photos */
} edgetl_settings;

typedef struct {
  int label;         /* index of the most probable label */
  int second;        /* of the second most probable one */
  float probability; /* 0..1 */
  double similarity; /* to the most similar training photo, -1..1; 1 without features */
  int known;         /* 0: none of these */
  int accepted;      /* 0: unsure, or none of these */
} edgetl_answer;

/* Answer for one photo. `features` may be NULL for a model without features. */
edgetl_answer edgetl_decide(const edgetl_settings *settings, const uint8_t *outputs, const int8_t *features);

/* The probability of a label, 0..1. */
float edgetl_read_probability(const edgetl_settings *settings, const uint8_t *outputs, int label);

/* Whether the photo has a label, where it may have several. */
int edgetl_has_label(const edgetl_settings *settings, const uint8_t *outputs, int label);

#ifdef __cplusplus
}
#endif

#endif /* EDGETL_ANSWERS_H_ */
