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

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <memory>

#include "outcome.h"
#include "program.h"

// Not from sched.h, which names calls as we do. By name, since syscall(2) would return twice to one place of the stack.
extern "C" int clone(int (*run)(void*), void* stack, int flags, void* argument, ...);

namespace sys {
namespace {

constexpr std::size_t stack_size = 128 * 1024;

// linux/sched.h: CLONE_VM | CLONE_FILES, CLONE_VFORK.
constexpr int share_memory_and_files = 0x100 | 0x400;
constexpr int suspend_caller = 0x4000;

int run(void* argument) {
  // A filesystem may let it wait for ever; it is not to outlive us then.
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  static_cast<ProgramRun*>(argument)->makeCalls(Place::child);
  return 0;
}

}  // namespace

// The kernel's set of signals has 64 bits.
uint64_t setSignalMask(uint64_t mask) {
  uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask);
  return before;
}

long startChild(int (*run)(void*), void* argument, int signal, std::size_t more_stack) {
  std::size_t size = stack_size + more_stack;
  std::unique_ptr<char[]> stack(new char[size]);
  int pid = clone(run, stack.get() + size, share_memory_and_files | suspend_caller | signal, argument);
  return pid < 0 ? -errno : pid;
}

long runChild(int (*run)(void*), void* argument) {
  std::unique_ptr<char[]> stack(new char[stack_size]);
  int pid = clone(run, stack.get() + stack_size, share_memory_and_files, argument);
  if (pid < 0) return -errno;
  awaitChild(pid);
  return pid;
}

void awaitChild(long pid) {
  // By its number: any other child is somebody else's to wait for.
  while (syscall(SYS_wait4, pid, nullptr, __WALL, nullptr) < 0 && errno == EINTR) {
  }
}

// int unshare(int flags);
Result<Unit> unshare(uint32_t flags) {
  return unit("unshare", syscall(SYS_unshare, static_cast<unsigned long>(flags)));
}

// int setns(int fd, int nstype);
Result<Unit> setns(FdArg name_space, uint32_t type) {
  return unit("setns", syscall(SYS_setns, name_space.number, type));
}

void runProgramInChild(ProgramRun& program) {
  // What stays when the child does not come so far as to say something else.
  program.failure = {ECHILD, "clone"};
  uint64_t signals = setSignalMask(~uint64_t{0});
  // No signal at its end: SIGCHLD would have Node look for a child that it knows nothing of.
  long pid = startChild(run, &program, 0);
  if (pid > 0)
    awaitChild(pid);
  else
    program.failure.errnum = static_cast<int>(-pid);
  setSignalMask(signals);
  program.settle();
}

}  // namespace sys
