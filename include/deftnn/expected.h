// A value, or the error that kept it from being made. No exception leaves this library.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace deftnn::v1 {

/// What went wrong, as one line: the file, the node, the reason, and what to try.
struct Error {
  std::string message;
};

/// Test ok() (or the object itself) before value(). As thread-safe as the value it holds.
template <typename T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : value_(std::move(value)) {}      // NOLINT
  Expected(Error error) : error_(std::move(error)) {}  // NOLINT

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  /// The error's line; empty when there is a value.
  const std::string& error() const { return error_.message; }

  /// The value. Without one, prints the error to stderr and ends the program.
  T& value() & { return Checked(), *value_; }
  const T& value() const& { return Checked(), *value_; }
  T&& value() && { return Checked(), std::move(*value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void Checked() const {
    if (value_.has_value()) return;
    std::fprintf(stderr, "deftnn: %s\n", error_.message.c_str());
    std::abort();
  }

  std::optional<T> value_;
  Error error_;
};

}  // namespace deftnn::v1
