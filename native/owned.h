// The descriptors that JavaScript holds, so that none outlives its environment and none is closed twice.
#pragma once

#include <napi.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <set>

#include "descriptor.h"

namespace sys {

// One for each environment (a worker thread has its own). Touched on the JavaScript thread only.
class Owned {
 public:
  ~Owned() {
    for (int fd : fds_) syscall(SYS_close, fd);
  }
  int adopt(Fd fd) {
    int number = fd.release();
    fds_.insert(number);
    return number;
  }
  // Takes a descriptor out of our care; -1 when it is not in it.
  int release(int number) { return fds_.erase(number) == 0 ? -1 : number; }
  // False when the number is not ours: it may by now be somebody else's file.
  bool close(int number) {
    if (fds_.erase(number) == 0) return false;
    syscall(SYS_close, number);
    return true;
  }

 private:
  std::set<int> fds_;
};

inline Owned& owned(Napi::Env env) { return *env.GetInstanceData<Owned>(); }

}  // namespace sys
