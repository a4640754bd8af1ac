// What a system call gives back: its value, or the errno and the name of the call that failed.
#pragma once

#include <cerrno>
#include <cstdint>
#include <utility>

namespace sys {

struct Failure {
  int errnum;
  const char* syscall;
};

struct Unit {};

// Both parts stand beside each other and not in a variant, which took a tenth of the addon.
template <class T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Failure failure) : failure_(failure) {}
  Result(Result&&) = default;
  Result& operator=(Result&&) = default;
  bool ok() const { return failure_.syscall == nullptr; }
  T& value() { return value_; }
  const Failure& failure() const { return failure_; }

 private:
  T value_{};
  Failure failure_{0, nullptr};
};

}  // namespace sys
