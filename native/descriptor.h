// A file descriptor that is closed by whoever holds it last.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace sys {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    // Not retried on EINTR: Linux has freed the number by then (close(2)).
    if (fd_ >= 0) syscall(SYS_close, release());
  }

 private:
  int fd_;
};

}  // namespace sys
