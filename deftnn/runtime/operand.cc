#include "deftnn/runtime/operand.h"

namespace deftnn {

bool SameBytesAsPlain(const Operand& operand) {
  if (operand.form == Form::kPlain) return true;
  const Layout& l = operand.layout;
  const bool dense = l.format == Format::kFp32 && l.pixel_stride == l.channels && l.halo_top == 0 &&
                     l.halo_bottom == 0 && l.halo_left == 0 && l.halo_right == 0;
  if (!dense) return false;
  return operand.form == Form::kRows || l.height * l.width == 1 || l.channels == 1;
}

}  // namespace deftnn
