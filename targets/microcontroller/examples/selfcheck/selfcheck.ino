// Prints over serial, at 115200 baud, whether this board computes what the build computed, and how long a photo takes.
#include <edgetl_classify.h>

static void print_line(const char *line) { Serial.println(line); }

void setup() {
  Serial.begin(115200);
  while (!Serial) {
  }
  if (edgetl_self_check(print_line) < 0) return;
  edgetl_answer answer;
  const unsigned long start = micros();
  if (edgetl_classify(&answer) == 0) {
    Serial.print("one photo: ");
    Serial.print(micros() - start);
    Serial.println(" us");
  }
}

void loop() {}
