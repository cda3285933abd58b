/* Whether this device computes what the build computed: the resize, and the outputs for a few photos. */
#ifndef EDGETL_SELFCHECK_H_
#define EDGETL_SELFCHECK_H_

#include <stddef.h>
#include <stdint.h>

#include "edgetl_answers.h"
#include "edgetl_resize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A test photo, as the model takes it, and what the build computed for it. */
typedef struct {
  const char *photo;
  const uint8_t *pixels;  /* [height x width x 3] */
  const uint8_t *outputs; /* [units] */
  int label;
  int known;
  int accepted;
} edgetl_golden;

/* A drawn frame, and the hash of its resized bytes. */
typedef struct {
  int width;
  int height;
  uint32_t hash;
} edgetl_golden_frame;

/* Receives a line of text without its end. */
typedef void (*edgetl_print)(const char *line);

/* Draw the frame of the self-check, width x height x 3 bytes: the same on every device. */
void edgetl_draw_frame(uint8_t *pixels, int width, int height);

/* The FNV-1a hash of bytes. Source: https://www.rfc-editor.org/rfc/rfc9923, 32 bits. */
uint32_t edgetl_hash_bytes(const uint8_t *bytes, size_t count);

/* Bytes that `edgetl_check_resize` needs. */
size_t edgetl_count_check_bytes(const edgetl_golden_frame *frame, edgetl_size size);

/* Resize the drawn frame; return 0 if its bytes are those of the build, else 1. `memory` is aligned for int32_t. */
int edgetl_check_resize(const edgetl_golden_frame *frame, edgetl_size size, uint8_t *memory, size_t memory_bytes,
                        edgetl_print print);

/* Compare outputs of this device with those of the build. Returns 0 if label and outputs are the same, 1 if outputs
   differ by one step at most and the answer is the same, 2 otherwise. Differences are printed. */
int edgetl_compare_golden(const edgetl_golden *golden, const edgetl_settings *settings, const uint8_t *outputs,
                          const int8_t *features, edgetl_print print);

#ifdef __cplusplus
}
#endif

#endif /* EDGETL_SELFCHECK_H_ */
