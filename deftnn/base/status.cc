#include "deftnn/base/status.h"

namespace deftnn {
namespace {

std::string Printable(const std::string& text) {
  std::string out = text;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

}  // namespace

Status Status::Error(std::string reason) {
  Status status;
  status.detail_ = std::make_shared<const Detail>(Detail{{}, {}, std::move(reason), {}});
  return status;
}

const Status::Detail& Status::detail() const {
  DEFTNN_CHECK(!ok());
  return *detail_;
}

Status Status::WithFile(std::string file) const& {
  if (ok() || !detail_->file.empty()) return *this;
  Status status;
  Detail detail = *detail_;
  detail.file = std::move(file);
  status.detail_ = std::make_shared<const Detail>(std::move(detail));
  return status;
}

Status Status::WithNode(std::string node) const& {
  if (ok() || !detail_->node.empty()) return *this;
  Status status;
  Detail detail = *detail_;
  detail.node = std::move(node);
  status.detail_ = std::make_shared<const Detail>(std::move(detail));
  return status;
}

Status Status::WithHint(std::string hint) const& {
  if (ok() || !detail_->hint.empty()) return *this;
  Status status;
  Detail detail = *detail_;
  detail.hint = std::move(hint);
  status.detail_ = std::make_shared<const Detail>(std::move(detail));
  return status;
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  std::string line;
  if (!detail_->file.empty()) line += detail_->file + ": ";
  if (!detail_->node.empty()) line += "node '" + detail_->node + "': ";
  line += detail_->reason;
  if (!detail_->hint.empty()) line += " (try: " + detail_->hint + ")";
  return Printable(line);
}

}  // namespace deftnn
