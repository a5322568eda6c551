#include "deftnn/runtime/cpu/box.h"

namespace deftnn {

Operand Within(Operand image, const Box& box) {
  Layout& l = image.layout;
  image.offset +=
      (box.top * l.row_stride + box.left * l.pixel_stride + box.channel) * BytesOf(l.format);
  image.owns_slack = false;
  l.height = box.height;
  l.width = box.width;
  l.channels = box.channels;
  l.halo_top = l.halo_bottom = l.halo_left = l.halo_right = 0;
  image.shape[1] = box.channels;
  if (image.shape.size() == 4) image.shape[2] = box.height;
  image.shape.back() = box.width;
  return image;
}

}  // namespace deftnn
