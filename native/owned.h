// The descriptors that JavaScript holds, so that none outlives its environment and none is closed twice.
#pragma once

#include <napi.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "descriptor.h"

namespace sys {

// One for each environment (a worker thread has its own). Touched on the JavaScript thread only.
class Owned {
 public:
  ~Owned() {
    for (std::size_t number = 0; number < held_.size(); ++number)
      if (held_[number]) syscall(SYS_close, number);
  }
  int adopt(Fd fd) {
    int number = fd.release();
    // A step that gives no descriptor may be told to keep one all the same.
    if (number < 0) return number;
    auto at = static_cast<std::size_t>(number);
    if (at >= held_.size()) held_.resize(at + 1);
    held_[at] = 1;
    return number;
  }
  // Takes a descriptor out of our care; -1 when it is not in it.
  int release(int number) {
    auto at = static_cast<std::size_t>(number);
    if (number < 0 || at >= held_.size() || !held_[at]) return -1;
    held_[at] = 0;
    return number;
  }
  // False when the number is not ours: it may by now be somebody else's file.
  bool close(int number) {
    if (release(number) < 0) return false;
    syscall(SYS_close, number);
    return true;
  }

 private:
  // A byte for each number, 1 when it is ours.
  std::string held_;
};

inline Owned& owned(Napi::Env env) { return *env.GetInstanceData<Owned>(); }

}  // namespace sys
