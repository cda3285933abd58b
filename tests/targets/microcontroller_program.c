/* Prints hashes of resized frames and answers, for a comparison of an emulated core with this machine. */
#include <stdio.h>

#include "edgetl_answers.h"
#include "edgetl_resize.h"
#include "edgetl_selfcheck.h"

static int32_t memory[40000];
static const char *const names[3] = {"a", "b", "c"};
static double similarities[3] = {0.1, 0.1, 0.1};
static int8_t reference[6 * 40];

static void check_frame(int width, int height, edgetl_size size) {
  static uint8_t pixels[120 * 120 * 3];
  static uint8_t output[64 * 64 * 3];
  edgetl_frame frame;
  edgetl_draw_frame(pixels, width, height);
  frame.pixels = pixels;
  frame.width = width;
  frame.height = height;
  frame.format = EDGETL_RGB888;
  if (edgetl_resize(&frame, size, output, memory, sizeof memory) != 0) {
    printf("failed\n");
    return;
  }
  printf("%d %d %d %d %d %08lx\n", width, height, size.width, size.height, (int)size.fit,
         (unsigned long)edgetl_hash_bytes(output, (size_t)size.width * (size_t)size.height * 3));
}

int main(void) {
  static uint8_t drawn[80 * 3];
  edgetl_settings settings = {3, names, 3, 1.0f / 256, 0, NULL, 0.5, similarities, 6, 40, -128, reference};
  int fit, trial, index;
  for (fit = 0; fit < 3; fit++) {
    edgetl_size square = {32, 32, (edgetl_fit)fit};
    edgetl_size wide = {61, 17, (edgetl_fit)fit};
    check_frame(120, 90, square);
    check_frame(47, 113, square);
    check_frame(20, 30, wide);
    check_frame(99, 1, wide);
  }
  edgetl_draw_frame((uint8_t *)reference, 80, 1);
  for (trial = 1; trial <= 60; trial++) {
    edgetl_answer answer;
    int8_t features[40];
    edgetl_draw_frame(drawn, 80, 1);
    for (index = 0; index < 40; index++) features[index] = (int8_t)(drawn[(trial * 3 + index) % 240] - 128);
    answer = edgetl_decide(&settings, drawn + trial * 3 % 236, features);
    printf("%d %d %d %d %.9f %.12f\n", answer.label, answer.second, answer.known, answer.accepted,
           (double)answer.probability, answer.similarity);
  }
  return 0;
}
