// A child looks at directories, and is left to itself when one takes too long.
//
// It exists because a request that a FUSE server has taken cannot be taken back, not even by SIGKILL: who waits for the
// answer waits with it. Not runProgramInChild(), whose caller waits too.
#include "list_in_time.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <new>

#include "namespace_child.h"
#include "outcome.h"

// As in namespace_child.cc.
extern "C" int clone(int (*run)(void*), void* stack, int flags, void* argument, ...);

namespace sys {
namespace {

constexpr std::size_t stack_size = 16 * 1024;

// linux/sched.h: CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_CHILD_CLEARTID.
constexpr int share_and_tell_the_end = 0x100 | 0x200 | 0x400 | 0x200000;

// What a child that looks at directories shares with the thread that waits for it; the paths and the child's stack follow.
struct Look {
  int alive = 1;  // 0 and a wake-up when it ends (CLONE_CHILD_CLEARTID)
  int open = -1;  // the directory that it has open
  uint32_t at = 0;
  uint32_t size = 0;
  int pid = 0;
  Look* next = nullptr;  // another one that was left to itself

  char* paths() { return reinterpret_cast<char*>(this + 1); }
};

int look(void* argument) {
  auto& shared = *static_cast<Look*>(argument);
  char buffer[1024];
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  while (shared.at < shared.size) {
    const char* path = shared.paths() + shared.at;
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd >= 0) {
      shared.open = static_cast<int>(fd);
#ifdef SYS_fstatfs64
      syscall(SYS_fstatfs64, fd, 88, buffer);
#else
      syscall(SYS_fstatfs, fd, buffer);
#endif
      syscall(SYS_getdents64, fd, buffer, sizeof buffer);
      shared.open = -1;
      syscall(SYS_close, fd);
    }
    shared.at += static_cast<uint32_t>(std::strlen(path)) + 1;
  }
  return 0;
}

// True when it has ended in that time.
bool ended(const Look& look, uint32_t milliseconds) {
  // Of the kernel: two longs, except on 32 bits, where C's would be those of another call.
  long time[] = {static_cast<long>(milliseconds / 1000), static_cast<long>(milliseconds % 1000 * 1000000)};
  while (__atomic_load_n(&look.alive, __ATOMIC_ACQUIRE) != 0)
    if (syscall(SYS_futex, &look.alive, 0, 1, time, nullptr, 0) < 0 && errno == ETIMEDOUT) return false;
  return true;
}

// Those that were left to themselves.
std::atomic<Look*> left;

void leave(Look* look) {
  look->next = left.load();
  while (!left.compare_exchange_weak(look->next, look)) {
  }
}

// Whether it is gone for good, and its number free.
bool reaped(Look* look, int options) {
  if (syscall(SYS_wait4, look->pid, nullptr, options | __WALL, nullptr) == 0) return false;
  delete[] reinterpret_cast<char*>(look);
  return true;
}

// Lets go of those that have ended meanwhile; how many have not.
uint32_t reapLeft() {
  uint32_t alive = 0;
  for (Look* look = left.exchange(nullptr); look != nullptr;) {
    Look* next = look->next;
    if (!reaped(look, WNOHANG)) {
      leave(look);
      ++alive;
    }
    look = next;
  }
  return alive;
}

std::string word(uint32_t value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); }

}  // namespace

// The child that is left keeps what it uses; the signal ends it when the kernel lets it go, before it could do anything, and
// at any other moment it holds nothing of ours: it makes system calls only, with memory of its own. Measured: 0.1 ms.
Result<std::string> list_in_time(Blob paths, uint32_t milliseconds) {
  uint32_t alive = reapLeft();
  if (paths.empty()) return word(alive);
  char* room = new char[sizeof(Look) + paths.size() + stack_size];
  auto* shared = new (room) Look;
  shared->size = static_cast<uint32_t>(paths.size());
  std::memcpy(shared->paths(), paths.data(), paths.size());
  auto end = (reinterpret_cast<uintptr_t>(room) + sizeof(Look) + paths.size() + stack_size) & ~uintptr_t{15};
  uint64_t signals = setSignalMask(~uint64_t{0});
  int pid = clone(look, reinterpret_cast<void*>(end), share_and_tell_the_end, shared, nullptr, nullptr,
                  &shared->alive);
  shared->pid = pid;
  bool done = pid < 0 || ended(*shared, milliseconds);
  uint32_t at = pid < 0 ? shared->size : shared->at;
  if (!done) {
    syscall(SYS_kill, pid, SIGKILL);
    done = ended(*shared, 20);
    if (shared->open >= 0) syscall(SYS_close, shared->open);
  }
  setSignalMask(signals);
  if (pid < 0)
    delete[] room;
  else if (!done || !reaped(shared, 0))
    leave(shared);
  return word(at);
}

}  // namespace sys
