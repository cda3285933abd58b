#include "edgetl_selfcheck.h"

#include <stdio.h>
#include <string.h>

/* A longer name of a photo is cut off. */
#define LINE_BYTES 200

void edgetl_draw_frame(uint8_t *pixels, int width, int height) {
  uint32_t state = 2463534242u;
  size_t index, count = (size_t)width * (size_t)height * 3;
  for (index = 0; index < count; index++) {
    /* Marsaglia's xorshift, 32 bits. Source: https://doi.org/10.18637/jss.v008.i14 */
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    pixels[index] = (uint8_t)(state >> 24);
  }
}

uint32_t edgetl_hash_bytes(const uint8_t *bytes, size_t count) {
  uint32_t hash = 2166136261u;
  size_t index;
  for (index = 0; index < count; index++) {
    hash ^= bytes[index];
    hash *= 16777619u;
  }
  return hash;
}

static size_t round_up(size_t bytes) { return (bytes + 3) / 4 * 4; }

static size_t count_output_bytes(edgetl_size size) {
  return round_up((size_t)size.width * (size_t)size.height * 3);
}

size_t edgetl_count_check_bytes(const edgetl_golden_frame *frame, edgetl_size size) {
  return round_up(edgetl_count_workspace_bytes(frame->width, frame->height, size)) + count_output_bytes(size) +
         (size_t)frame->width * (size_t)frame->height * 3;
}

int edgetl_check_resize(const edgetl_golden_frame *frame, edgetl_size size, uint8_t *memory, size_t memory_bytes,
                        edgetl_print print) {
  size_t workspace_bytes = edgetl_count_workspace_bytes(frame->width, frame->height, size);
  size_t workspace_end = round_up(workspace_bytes);
  uint8_t *output = memory + workspace_end;
  uint8_t *pixels = output + count_output_bytes(size);
  edgetl_frame drawn;
  uint32_t hash;
  char line[LINE_BYTES];
  size_t needed = workspace_end + count_output_bytes(size) + (size_t)frame->width * (size_t)frame->height * 3;
  if (memory_bytes < needed) {
    (void)snprintf(line, sizeof line, "resize: not checked, it needs %lu bytes", (unsigned long)needed);
    print(line);
    return 1;
  }
  edgetl_draw_frame(pixels, frame->width, frame->height);
  drawn.pixels = pixels;
  drawn.width = frame->width;
  drawn.height = frame->height;
  drawn.format = EDGETL_RGB888;
  (void)edgetl_resize(&drawn, size, output, memory, workspace_bytes);
  hash = edgetl_hash_bytes(output, (size_t)size.width * (size_t)size.height * 3);
  if (hash == frame->hash) {
    print("resize: the bytes of the build");
    return 0;
  }
  (void)snprintf(line, sizeof line, "resize: DIFFERS, hash %08lx, of the build %08lx", (unsigned long)hash,
                 (unsigned long)frame->hash);
  print(line);
  return 1;
}

static const char *describe(int known, int accepted) {
  if (!known) return "none of these";
  return accepted ? "a label" : "unsure";
}

int edgetl_compare_golden(const edgetl_golden *golden, const edgetl_settings *settings, const uint8_t *outputs,
                          const int8_t *features, edgetl_print print) {
  edgetl_answer answer = edgetl_decide(settings, outputs, features);
  int largest = 0, unit;
  int same_answer =
      answer.label == golden->label && answer.known == golden->known && answer.accepted == golden->accepted;
  char line[LINE_BYTES];
  for (unit = 0; unit < settings->units; unit++) {
    int difference = outputs[unit] - golden->outputs[unit];
    if (difference < 0) difference = -difference;
    if (difference > largest) largest = difference;
  }
  if (same_answer && largest == 0) {
    (void)snprintf(line, sizeof line, "%.80s: the outputs of the build, %.60s", golden->photo,
                   settings->names[answer.label]);
    print(line);
    return 0;
  }
  (void)snprintf(line, sizeof line, "%.60s: DIFFERS by %d of 255, %.30s (%s), of the build %.30s (%s)", golden->photo,
                 largest, settings->names[answer.label], describe(answer.known, answer.accepted),
                 settings->names[golden->label], describe(golden->known, golden->accepted));
  print(line);
  return same_answer && largest <= 1 ? 1 : 2;
}
