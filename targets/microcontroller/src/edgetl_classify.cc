#include "edgetl_classify.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "golden.h"
#include "model.h"
#include "model_settings.h"
#include "op_resolver.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t arena[EDGETL_ARENA_BYTES];
tflite::MicroMutableOpResolver<EDGETL_OPERATORS> resolver;
tflite::MicroInterpreter *interpreter = nullptr;

bool HasExpectedTensors() {
  const TfLiteTensor *image = interpreter->input(0);
  const TfLiteTensor *scores = interpreter->output(0);
  const size_t outputs = EDGETL_FEATURES > 0 ? 2 : 1;
  return image->type == kTfLiteUInt8 && image->bytes == EDGETL_INPUT_BYTES && scores->type == kTfLiteUInt8 &&
         scores->bytes == EDGETL_OUTPUT_UNITS && interpreter->outputs_size() >= outputs;
}

const int8_t *ReadFeatures() { return EDGETL_FEATURES > 0 ? interpreter->output(1)->data.int8 : nullptr; }

}  // namespace

int edgetl_begin(void) {
  if (interpreter != nullptr) return 0;
  const tflite::Model *model = tflite::GetModel(edgetl_model);
  if (model->version() != TFLITE_SCHEMA_VERSION) return 1;
  if (edgetl_register_operators(&resolver) != kTfLiteOk) return 2;
  static tflite::MicroInterpreter made(model, resolver, arena, sizeof arena);
  if (made.AllocateTensors() != kTfLiteOk) return 3;
  interpreter = &made;
  if (!HasExpectedTensors()) {
    interpreter = nullptr;
    return 4;
  }
  return 0;
}

uint8_t *edgetl_input(void) { return interpreter->input(0)->data.uint8; }

const uint8_t *edgetl_outputs(void) { return interpreter->output(0)->data.uint8; }

size_t edgetl_count_arena_bytes(void) { return interpreter == nullptr ? 0 : interpreter->arena_used_bytes(); }

int edgetl_classify(edgetl_answer *answer) {
  if (interpreter->Invoke() != kTfLiteOk) return 1;
  *answer = edgetl_decide(&edgetl_model_settings, edgetl_outputs(), ReadFeatures());
  return 0;
}

int edgetl_classify_frame(const edgetl_frame *frame, void *workspace, size_t workspace_bytes, edgetl_answer *answer) {
  const int code = edgetl_resize(frame, edgetl_model_size, edgetl_input(), workspace, workspace_bytes);
  if (code != 0) return code;
  return edgetl_classify(answer) == 0 ? 0 : 3;
}

int edgetl_self_check(edgetl_print print) {
  char line[160];
  int differing = 0;
  // Before the interpreter is made, its arena is free.
  if (interpreter == nullptr) {
    differing += edgetl_check_resize(&edgetl_resized_frame, edgetl_model_size, arena, sizeof arena, print);
  }
  const int code = edgetl_begin();
  if (code != 0) {
    (void)snprintf(line, sizeof line, "the interpreter cannot be made: code %d of edgetl_begin", code);
    print(line);
    return -1;
  }
  (void)snprintf(line, sizeof line, "model %.12s, %lu bytes; arena: %lu of %lu bytes in use", EDGETL_MODEL_SHA256,
                 (unsigned long)edgetl_model_bytes, (unsigned long)edgetl_count_arena_bytes(),
                 (unsigned long)sizeof arena);
  print(line);
  for (const edgetl_golden &golden : edgetl_golden_photos) {
    memcpy(edgetl_input(), golden.pixels, EDGETL_INPUT_BYTES);
    if (interpreter->Invoke() != kTfLiteOk) {
      print("the interpreter failed");
      return -1;
    }
    differing += edgetl_compare_golden(&golden, &edgetl_model_settings, edgetl_outputs(), ReadFeatures(), print) != 0;
  }
  if (differing == 0) {
    print("This device computes what the build computed.");
  } else {
    (void)snprintf(line, sizeof line, "%d of %d checks DIFFER from the build", differing, EDGETL_GOLDEN_PHOTOS + 1);
    print(line);
  }
  return differing;
}
