// What a function returns when its input can be wrong: a Status, or a Result with a value.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "deftnn/base/check.h"

namespace deftnn {

/// Success, or one clear error: where (file, node), why (reason), and what to try (hint).
class [[nodiscard]] Status {
 public:
  Status() = default;
  static Status Error(std::string reason);

  bool ok() const { return detail_ == nullptr; }

  /// Each returns the same error with that part filled in; a part that is already there stays.
  Status WithFile(std::string file) const&;
  Status WithNode(std::string node) const&;
  Status WithHint(std::string hint) const&;

  const std::string& file() const { return detail().file; }
  const std::string& node() const { return detail().node; }
  const std::string& reason() const { return detail().reason; }
  const std::string& hint() const { return detail().hint; }

  /// One line: "file: node 'name': reason (try: hint)". Control characters are replaced.
  std::string ToString() const;

 private:
  struct Detail {
    std::string file, node, reason, hint;
  };
  const Detail& detail() const;
  std::shared_ptr<const Detail> detail_;
};

/// Error("expected {} inputs, got {}", 2, 3)
template <typename... Args>
Status Error(fmt::format_string<Args...> format, Args&&... args) {
  return Status::Error(fmt::format(format, std::forward<Args>(args)...));
}

/// A value or the error that kept it from being made.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                                      // NOLINT
  Result(Status error) : status_(std::move(error)) { DEFTNN_CHECK(!status_.ok()); }  // NOLINT

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& value() & {
    DEFTNN_CHECK(ok());
    return *value_;
  }
  const T& value() const& {
    DEFTNN_CHECK(ok());
    return *value_;
  }
  T&& value() && {
    DEFTNN_CHECK(ok());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace deftnn

#define DEFTNN_CONCAT_INNER(a, b) a##b
#define DEFTNN_CONCAT(a, b) DEFTNN_CONCAT_INNER(a, b)

/// Returns from the calling function when `expression` is an error.
#define DEFTNN_RETURN_IF_ERROR(expression)         \
  do {                                             \
    ::deftnn::Status deftnn_status = (expression); \
    if (!deftnn_status.ok()) return deftnn_status; \
  } while (false)

/// DEFTNN_ASSIGN_OR_RETURN(Tensor t, ReadTensor(path));
#define DEFTNN_ASSIGN_OR_RETURN(declaration, expression) \
  DEFTNN_ASSIGN_OR_RETURN_IMPL(DEFTNN_CONCAT(deftnn_result_, __LINE__), declaration, expression)
#define DEFTNN_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                         \
  if (!result.ok()) return result.status();                           \
  declaration = std::move(result).value()
