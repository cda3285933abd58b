/* Classifies photos with TensorFlow Lite Micro. */
#ifndef EDGETL_CLASSIFY_H_
#define EDGETL_CLASSIFY_H_

#include <stddef.h>
#include <stdint.h>

#include "edgetl_answers.h"
#include "edgetl_resize.h"
#include "edgetl_selfcheck.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Make the interpreter, once. Returns 0; 1 for a model of another schema, 2 for an operator that is not registered, 3
   for an arena that is too small, 4 for another input or output than that of model_settings.h. */
int edgetl_begin(void);

/* The input of the model, EDGETL_INPUT_BYTES bytes: height x width x 3, RGB. The interpreter may overwrite it. */
uint8_t *edgetl_input(void);

/* Predict the input. Returns 0, or 1 if the interpreter fails. */
int edgetl_classify(edgetl_answer *answer);

/* Resize a frame into the input and predict it. Returns 0; 1 or 2 as edgetl_resize, 3 if the interpreter fails. */
int edgetl_classify_frame(const edgetl_frame *frame, void *workspace, size_t workspace_bytes, edgetl_answer *answer);

/* Outputs of the last prediction: uint8 [EDGETL_OUTPUT_UNITS]. */
const uint8_t *edgetl_outputs(void);

/* Bytes of the arena that this device uses. */
size_t edgetl_count_arena_bytes(void);

/* Print whether this device computes what the build computed, and what differs. Call it in place of edgetl_begin, or
   before it: it uses the arena, and makes the interpreter. Returns the number of checks that differ; -1 if the
   interpreter cannot be made. */
int edgetl_self_check(edgetl_print print);

#ifdef __cplusplus
}
#endif

#endif /* EDGETL_CLASSIFY_H_ */
