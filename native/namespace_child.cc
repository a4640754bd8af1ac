// A child that shares memory and descriptors with us, and nothing else: so it starts quickly and has nothing to send back.
//
// unshare(2) refuses a user namespace to a process with threads, so that somebody has to go there for us. Measured with
// a heap of 1 GiB: fork(2), new namespaces with their maps, and exit take 29 ms, this child 0.14 ms, as with 10 MiB.
//
// Why malloc and all of C++ are legal in it, which after fork(2) of a process with threads they are not: the memory is the
// one memory. The thread that calls is suspended (CLONE_VFORK) and lends its thread-local storage, so that whoever locks
// or caches by thread sees the same thread go on; the other threads run, and unlock what they have locked. The child has a
// stack of its own, since it would overwrite what the suspended thread returns to. Signals are blocked, since a handler
// of Node's would run in it. It may be killed at a call, by a seccomp filter for instance: that leaves what it opened, and
// the error says so. What is not survived is a SIGKILL sent to it alone, by its number, within malloc.
#include "namespace_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstring>
#include <memory>
#include <new>

#include "outcome.h"
#include "program.h"

// Not from sched.h, which names calls as we do. By name, since syscall(2) would return twice to one place of the stack.
extern "C" int clone(int (*run)(void*), void* stack, int flags, void* argument, ...);

namespace sys {
namespace {

constexpr std::size_t stack_size = 128 * 1024;

// linux/sched.h: CLONE_VM | CLONE_FILES, CLONE_VFORK, CLONE_FS | CLONE_CHILD_CLEARTID.
constexpr int share_memory_and_files = 0x100 | 0x400;
constexpr int wait_for_it = 0x4000;
constexpr int clear_tid = 0x200 | 0x200000;

struct Errand {
  std::string_view program;
  std::vector<Fd>& given;
  std::vector<Fd>& kept;
  std::string& log;
  // What stays when the child does not come so far as to say something else.
  Result<std::string> result = Failure{ECHILD, "clone"};
};

int run(void* argument) {
  auto& errand = *static_cast<Errand*>(argument);
  // A filesystem may let it wait for ever; it is not to outlive us then.
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  errand.result = runProgram(errand.program, errand.given, errand.kept, errand.log, Place::child);
  return 0;
}

// What a child that looks at directories shares with the thread that waits for it; the paths and the child's stack follow.
struct Look {
  int alive = 1;  // 0 and a wake-up when it ends (CLONE_CHILD_CLEARTID)
  int open = -1;  // the directory that it has open
  uint32_t at = 0;
  uint32_t size = 0;

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

// The kernel's set of signals has 64 bits.
uint64_t setSignalMask(uint64_t mask) {
  uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask);
  return before;
}

}  // namespace

// int unshare(int flags);
Result<Unit> unshare(uint32_t flags) {
  return unit("unshare", syscall(SYS_unshare, static_cast<unsigned long>(flags)));
}

// int setns(int fd, int nstype);
Result<Unit> setns(FdArg name_space, uint32_t type) {
  return unit("setns", syscall(SYS_setns, name_space.number, type));
}

// Not with runProgram(): a request that a FUSE server has taken cannot be taken back, not even by SIGKILL. Then the child is
// left alone, with what it uses; the signal ends it when the kernel lets it go, before it could do anything, and at any
// other moment it holds nothing of ours: it makes system calls only, with memory of its own. Measured: 0.1 ms.
Result<std::string> list_in_time(Blob paths, uint32_t milliseconds) {
  char* room = new char[sizeof(Look) + paths.size() + stack_size];
  auto* shared = new (room) Look;
  shared->size = static_cast<uint32_t>(paths.size());
  std::memcpy(shared->paths(), paths.data(), paths.size());
  auto end = (reinterpret_cast<uintptr_t>(room) + sizeof(Look) + paths.size() + stack_size) & ~uintptr_t{15};
  uint64_t signals = setSignalMask(~uint64_t{0});
  int pid = clone(look, reinterpret_cast<void*>(end), share_memory_and_files | clear_tid, shared, nullptr,
                  nullptr, &shared->alive);
  bool done = pid < 0 || ended(*shared, milliseconds);
  uint32_t at = pid < 0 ? shared->size : shared->at;
  if (!done) {
    syscall(SYS_kill, pid, SIGKILL);
    done = ended(*shared, 20);
    if (shared->open >= 0) syscall(SYS_close, shared->open);
  }
  setSignalMask(signals);
  if (done) {
    if (pid > 0) syscall(SYS_wait4, pid, nullptr, __WALL, nullptr);
    delete[] room;
  }
  return std::string(reinterpret_cast<const char*>(&at), sizeof at);
}

Result<std::string> runProgramInChild(std::string_view program, std::vector<Fd>& given, std::vector<Fd>& kept,
                                      std::string& log) {
  Errand errand{program, given, kept, log};
  std::unique_ptr<char[]> stack(new char[stack_size]);
  uint64_t signals = setSignalMask(~uint64_t{0});
  // No signal at its end: SIGCHLD would have Node look for a child that it knows nothing of.
  int pid = clone(run, stack.get() + stack_size, share_memory_and_files | wait_for_it, &errand);
  if (pid < 0) errand.result = Failure{errno, "clone"};
  // By its number: any other child is somebody else's to wait for.
  while (pid > 0 && syscall(SYS_wait4, pid, nullptr, __WALL, nullptr) < 0 && errno == EINTR) {
  }
  setSignalMask(signals);
  return std::move(errand.result);
}

}  // namespace sys
