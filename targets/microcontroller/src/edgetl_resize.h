/* A camera frame -> the input of the model, with the same bytes as pixels.py gives on a computer.

   The filter is Pillow's antialiased bilinear filter in fixed point. The longer axis is resized first. No memory is
   allocated: the caller passes a workspace. */
#ifndef EDGETL_RESIZE_H_
#define EDGETL_RESIZE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { EDGETL_CROP = 0, EDGETL_STRETCH = 1, EDGETL_PAD = 2 } edgetl_fit;

/* Bytes of a pixel. Cameras such as the OV2640 send RGB565 with the high byte first. */
typedef enum { EDGETL_RGB888 = 0, EDGETL_RGB565_BIG_ENDIAN = 1, EDGETL_RGB565_LITTLE_ENDIAN = 2 } edgetl_pixel_format;

/* A frame without gaps between its rows: row by row from the top, each from the left. */
typedef struct {
  const uint8_t *pixels;
  int width;
  int height;
  edgetl_pixel_format format;
} edgetl_frame;

typedef struct {
  int width;
  int height;
  edgetl_fit fit;
} edgetl_size;

/* Bytes of the workspace for frames of this width and height; 0 for a size below 1. */
size_t edgetl_count_workspace_bytes(int frame_width, int frame_height, edgetl_size size);

/* Write size.height x size.width x 3 bytes, RGB, 0..255.

   Returns 0; 1 for a size below 1, an unknown fit or format; 2 for a workspace that is too small. The workspace must be
   aligned for int32_t. */
int edgetl_resize(const edgetl_frame *frame, edgetl_size size, uint8_t *output, void *workspace,
                  size_t workspace_bytes);

#ifdef __cplusplus
}
#endif

#endif /* EDGETL_RESIZE_H_ */
