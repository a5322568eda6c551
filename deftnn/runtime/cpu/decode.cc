#include "deftnn/runtime/cpu/decode.h"

#include <cstring>

#include "deftnn/base/half.h"

namespace deftnn {
namespace {

float ReadElement(const View& view, int64_t n, int64_t h, int64_t w, int64_t c) {
  if (view.layout.format == Format::kFp32) return view.at<const float>(n, h, w)[c];
  return DecodeBfloat16(view.at<const uint16_t>(n, h, w)[c]);
}

}  // namespace

Tensor Decode(const Operand& operand, const Addresses& addresses) {
  if (operand.constant.defined()) return operand.constant;
  if (operand.form == Form::kPlain) {
    Tensor tensor = Tensor::Zeros(operand.type, operand.shape);
    std::memcpy(tensor.mutable_data(), addresses.of(operand), tensor.bytes());
    return tensor;
  }
  const View view = addresses.view(operand);
  const Layout& l = view.layout;
  Tensor tensor = Tensor::Zeros(ElementType::kFloat32, operand.shape);
  float* out = tensor.mutable_values<float>().data();
  const bool image = operand.form == Form::kImage;
  const int64_t plane = l.height * l.width;
  for (int64_t n = 0; n < l.batch; ++n) {
    for (int64_t h = 0; h < l.height; ++h) {
      for (int64_t w = 0; w < l.width; ++w) {
        const int64_t pixel = h * l.width + w;
        for (int64_t c = 0; c < l.channels; ++c) {
          const int64_t at =
              image ? (n * l.channels + c) * plane + pixel : (n * plane + pixel) * l.channels + c;
          out[at] = ReadElement(view, n, h, w, c);
        }
      }
    }
  }
  return tensor;
}

}  // namespace deftnn
