#include "edgetl_resize.h"

#include <math.h>
#include <string.h>

/* Fraction bits of a weight. Source: Pillow, src/libImaging/Resample.c, PRECISION_BITS. */
#define WEIGHT_BITS 22

/* One axis: which pixels make up an output pixel, and their weights. */
typedef struct {
  double center_scale;
  double support;
  double filter_scale;
  float start;
  int frame_pixels;
} axis_filter;

/* A part of a frame, as Pillow stores it: single precision. */
typedef struct {
  float left, top, right, bottom;
} frame_box;

typedef struct {
  int32_t *column_weights;
  int32_t *column_starts;
  int32_t *column_counts;
  int32_t *row_weights;
  int32_t *sums;
  uint8_t *row;
} work_area;

static int count_weights(double scale) { return (int)ceil(scale < 1.0 ? 1.0 : scale) * 2 + 1; }

static axis_filter make_filter(int frame_pixels, float start, float end, int output_pixels) {
  axis_filter filter;
  /* The subtraction is in single precision, as in Pillow. A variable that is volatile keeps compilers from fusing
     operations, which would round differently. */
  volatile float length = end - start;
  filter.center_scale = (double)length / output_pixels;
  filter.filter_scale = filter.center_scale < 1.0 ? 1.0 : filter.center_scale;
  filter.support = filter.filter_scale;
  filter.start = start;
  filter.frame_pixels = frame_pixels;
  return filter;
}

/* Compute the weights of one output pixel; return their number, and the first pixel in *first. */
static int compute_weights(const axis_filter *filter, int output_pixel, int32_t *weights, int *first) {
  volatile double offset = (output_pixel + 0.5) * filter->center_scale;
  double center = filter->start + offset;
  double inverse = 1.0 / filter->filter_scale;
  double sum = 0.0;
  int low = (int)(center - filter->support + 0.5);
  int high = (int)(center + filter->support + 0.5);
  int count, index;
  if (low < 0) low = 0;
  if (high > filter->frame_pixels) high = filter->frame_pixels;
  count = high - low;
  /* Twice the same arithmetic: the sum is needed before the first weight, and doubles take more memory. */
  for (index = 0; index < count; index++) {
    volatile double distance = (index + low - center + 0.5) * inverse;
    double size = distance < 0.0 ? -distance : distance;
    if (size < 1.0) sum += 1.0 - size;
  }
  for (index = 0; index < count; index++) {
    volatile double distance = (index + low - center + 0.5) * inverse;
    double size = distance < 0.0 ? -distance : distance;
    volatile double weight = size < 1.0 ? 1.0 - size : 0.0;
    volatile double scaled;
    if (sum != 0.0) weight = weight / sum;
    scaled = weight * (double)(1 << WEIGHT_BITS);
    weights[index] = (int32_t)(0.5 + scaled);
  }
  *first = low;
  return count;
}

static uint8_t clip(int32_t sum) {
  int32_t value = sum >> WEIGHT_BITS;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static int read_channel(const edgetl_frame *frame, int y, int x, int channel) {
  size_t index = (size_t)y * (size_t)frame->width + (size_t)x;
  const uint8_t *bytes;
  int value, part;
  if (frame->format == EDGETL_RGB888) return frame->pixels[3 * index + (size_t)channel];
  bytes = frame->pixels + 2 * index;
  value = frame->format == EDGETL_RGB565_BIG_ENDIAN ? bytes[0] << 8 | bytes[1] : bytes[1] << 8 | bytes[0];
  if (channel == 1) {
    part = value >> 5 & 63;
    return part << 2 | part >> 4;
  }
  part = (channel == 0 ? value >> 11 : value) & 31;
  return part << 3 | part >> 2;
}

/* The workspace, part after part. Returns its bytes; sets no part where `start` is null. */
static size_t divide_workspace(int width, int height, int columns, int rows, uint8_t *start, work_area *area) {
  /* The whole frame has at least as many weights as a part of it. */
  size_t of_column = (size_t)count_weights((double)width / columns);
  size_t of_row = (size_t)count_weights((double)height / rows);
  size_t bytes = 0;
  size_t row_pixels = (size_t)(width > columns ? width : columns);
  size_t counts[5];
  int index;
  counts[0] = (size_t)columns * of_column;
  counts[1] = (size_t)columns;
  counts[2] = (size_t)columns;
  counts[3] = of_row;
  counts[4] = (size_t)columns * 3;
  if (start != NULL) {
    int32_t *parts[5];
    for (index = 0; index < 5; index++) {
      parts[index] = (int32_t *)(void *)(start + bytes);
      bytes += counts[index] * sizeof(int32_t);
    }
    area->column_weights = parts[0];
    area->column_starts = parts[1];
    area->column_counts = parts[2];
    area->row_weights = parts[3];
    area->sums = parts[4];
    area->row = start + bytes;
  } else {
    for (index = 0; index < 5; index++) bytes += counts[index] * sizeof(int32_t);
  }
  return bytes + row_pixels * 3;
}

/* Resize the rows first: each row of the result is computed from its rows of the frame, and then narrowed. */
static void resize_tall(const edgetl_frame *frame, const axis_filter *rows, int columns, int output_rows,
                        const work_area *area, uint8_t *output, size_t stride) {
  size_t of_column = (size_t)count_weights((double)frame->width / columns);
  int y, x, channel, index;
  for (y = 0; y < output_rows; y++) {
    int first;
    int count = compute_weights(rows, y, area->row_weights, &first);
    for (x = 0; x < frame->width; x++) {
      for (channel = 0; channel < 3; channel++) {
        int32_t sum = 1 << (WEIGHT_BITS - 1);
        for (index = 0; index < count; index++) {
          sum += area->row_weights[index] * read_channel(frame, first + index, x, channel);
        }
        area->row[3 * x + channel] = clip(sum);
      }
    }
    for (x = 0; x < columns; x++) {
      const int32_t *weights = area->column_weights + (size_t)x * of_column;
      for (channel = 0; channel < 3; channel++) {
        int32_t sum = 1 << (WEIGHT_BITS - 1);
        for (index = 0; index < area->column_counts[x]; index++) {
          sum += weights[index] * area->row[3 * (area->column_starts[x] + index) + channel];
        }
        output[(size_t)y * stride + (size_t)(3 * x + channel)] = clip(sum);
      }
    }
  }
}

/* Resize the columns first. A row of the frame is part of about two rows of the result, and is narrowed for each: that
   takes less memory than to keep the narrowed rows. */
static void resize_wide(const edgetl_frame *frame, const axis_filter *rows, int columns, int output_rows,
                        const work_area *area, uint8_t *output, size_t stride) {
  size_t of_column = (size_t)count_weights((double)frame->width / columns);
  int y, x, channel, index, part;
  for (y = 0; y < output_rows; y++) {
    int first;
    int count = compute_weights(rows, y, area->row_weights, &first);
    for (x = 0; x < 3 * columns; x++) area->sums[x] = 1 << (WEIGHT_BITS - 1);
    for (part = 0; part < count; part++) {
      for (x = 0; x < columns; x++) {
        const int32_t *weights = area->column_weights + (size_t)x * of_column;
        for (channel = 0; channel < 3; channel++) {
          int32_t sum = 1 << (WEIGHT_BITS - 1);
          for (index = 0; index < area->column_counts[x]; index++) {
            sum += weights[index] * read_channel(frame, first + part, area->column_starts[x] + index, channel);
          }
          area->sums[3 * x + channel] += area->row_weights[part] * clip(sum);
        }
      }
    }
    for (x = 0; x < 3 * columns; x++) output[(size_t)y * stride + (size_t)x] = clip(area->sums[x]);
  }
}

static void resize_box(const edgetl_frame *frame, const frame_box *box, int columns, int rows, const work_area *area,
                       uint8_t *output, size_t stride) {
  axis_filter column_filter = make_filter(frame->width, box->left, box->right, columns);
  axis_filter row_filter = make_filter(frame->height, box->top, box->bottom, rows);
  size_t of_column = (size_t)count_weights((double)frame->width / columns);
  int x;
  for (x = 0; x < columns; x++) {
    int first;
    area->column_counts[x] =
        (int32_t)compute_weights(&column_filter, x, area->column_weights + (size_t)x * of_column, &first);
    area->column_starts[x] = (int32_t)first;
  }
  if (frame->width >= frame->height) {
    resize_wide(frame, &row_filter, columns, rows, area, output, stride);
  } else {
    resize_tall(frame, &row_filter, columns, rows, area, output, stride);
  }
}

/* Halves are rounded to even, as by round() of Python. */
static int round_even(double value) {
  double low = floor(value);
  double rest = value - low;
  int integer = (int)low;
  if (rest > 0.5 || (rest == 0.5 && integer % 2 != 0)) integer++;
  return integer;
}

/* The part of the frame that is used, and the size to which it is resized. */
static void place_frame(int frame_width, int frame_height, edgetl_size size, frame_box *box, int *columns, int *rows) {
  int wider = (int64_t)frame_width * size.height >= (int64_t)frame_height * size.width;
  *columns = size.width;
  *rows = size.height;
  box->left = 0.0f;
  box->top = 0.0f;
  box->right = (float)frame_width;
  box->bottom = (float)frame_height;
  if (size.fit == EDGETL_CROP) {
    volatile double width = wider ? (double)((int64_t)frame_height * size.width) / size.height : frame_width;
    volatile double height = wider ? frame_height : (double)((int64_t)frame_width * size.height) / size.width;
    volatile double left = (frame_width - width) / 2;
    volatile double top = (frame_height - height) / 2;
    box->left = (float)left;
    box->top = (float)top;
    box->right = (float)(left + width);
    box->bottom = (float)(top + height);
  } else if (size.fit == EDGETL_PAD && wider) {
    *rows = round_even((double)((int64_t)frame_height * size.width) / frame_width);
    /* At least one pixel, for frames that are many times longer than wide. */
    if (*rows < 1) *rows = 1;
  } else if (size.fit == EDGETL_PAD) {
    *columns = round_even((double)((int64_t)frame_width * size.height) / frame_height);
    if (*columns < 1) *columns = 1;
  }
}

size_t edgetl_count_workspace_bytes(int frame_width, int frame_height, edgetl_size size) {
  frame_box box;
  int columns, rows;
  if (frame_width < 1 || frame_height < 1 || size.width < 1 || size.height < 1) return 0;
  place_frame(frame_width, frame_height, size, &box, &columns, &rows);
  return divide_workspace(frame_width, frame_height, columns, rows, NULL, NULL);
}

int edgetl_resize(const edgetl_frame *frame, edgetl_size size, uint8_t *output, void *workspace,
                  size_t workspace_bytes) {
  frame_box box;
  work_area area;
  int columns, rows;
  size_t stride = (size_t)size.width * 3;
  if (frame->width < 1 || frame->height < 1 || size.width < 1 || size.height < 1 || (unsigned)size.fit > EDGETL_PAD ||
      (unsigned)frame->format > EDGETL_RGB565_LITTLE_ENDIAN) {
    return 1;
  }
  place_frame(frame->width, frame->height, size, &box, &columns, &rows);
  if (workspace_bytes < divide_workspace(frame->width, frame->height, columns, rows, (uint8_t *)workspace, &area)) {
    return 2;
  }
  if (size.fit == EDGETL_PAD) {
    memset(output, 0, stride * (size_t)size.height);
    output += (size_t)((size.height - rows) / 2) * stride + (size_t)((size.width - columns) / 2) * 3;
  }
  resize_box(frame, &box, columns, rows, &area, output, stride);
  return 0;
}
