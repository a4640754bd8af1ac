// What a system call gives back: its value, or the errno and the name of the call that failed.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace sys {

// `step` is the place in a program of calls (program.h); a call made by itself is step 0.
struct Failure {
  int errnum;
  const char* syscall;
  int step = 0;
};

struct Unit {};

template <class T>
class Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Failure failure) : state_(failure) {}
  Result(Result&&) = default;
  Result& operator=(Result&&) = default;
  [[gnu::noinline]] ~Result() {}
  bool ok() const { return state_.index() == 0; }
  T& value() { return *std::get_if<0>(&state_); }
  Failure& failure() { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Failure> state_;
};

// Most calls give nothing: these few words are a third less code than the variant.
template <>
class Result<Unit> {
 public:
  Result(Unit) : failure_{0, nullptr} {}
  Result(Failure failure) : failure_(failure) {}
  bool ok() const { return failure_.errnum == 0; }
  Failure& failure() { return failure_; }

 private:
  Failure failure_;
};

}  // namespace sys
