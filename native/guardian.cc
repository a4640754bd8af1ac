// A guardian between us and a command, so that nothing of the command outlives this process, however that ends.
//
// Kernel means are not enough: PR_SET_PDEATHSIG reaches the command and not what it started, and a PID namespace would
// show the command other numbers than everybody else has. So the command is the child of a process that has its orphans
// (PR_SET_CHILD_SUBREAPER) and one end of a socket pair: when the other end closes, by us or with us, it kills them all.
//
// It is no program of its own, which would have to be found and started, and no copy of us, which takes 29 ms with a heap
// of 1 GiB: it shares our memory, as the child of namespace_child.cc does and for the reasons told there. A thread that is
// waits as long lends it what belongs to a thread. When we die it must not allocate: whoever had the lock is gone.
#include "guardian.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "namespace_child.h"
#include "outcome.h"
#include "process_calls.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace sys {
namespace {

// linux/sched.h and linux/close_range.h.
constexpr uint32_t clone_files = 0x400;
constexpr unsigned int close_range_unshare = 2;

// What no status of wait4(2) is.
constexpr int others_left = -1;

struct Launch {
  // Gone when the caller has been told.
  ProgramRun* run;
  int socket;
  bool told;
};

int command(void* argument) {
  // In case somebody kills the guardian.
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  auto& run = *static_cast<ProgramRun*>(argument);
  run.makeCalls(Place::child);
  run.ended = true;
  return 0;
}

void closeAllBut(int kept) {
  auto number = static_cast<unsigned int>(kept);
  if (syscall(SYS_close_range, number + 1, ~0U, close_range_unshare) == 0) {
    syscall(SYS_close_range, 0, number - 1, 0);
    return;
  }
  // Before Linux 5.9.
  syscall(SYS_unshare, static_cast<unsigned long>(clone_files));
  for (int fd = 0; fd < 65536; ++fd)
    if (fd != kept) syscall(SYS_close, fd);
}

// Those that it has; theirs come to it when they are gone.
void killChildren() {
  Fd list(
      static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/children", O_RDONLY | O_CLOEXEC)));
  char text[4096];
  long got = syscall(SYS_read, list.get(), text, sizeof text);
  int pid = 0;
  for (long i = 0; i < got; ++i) {
    if (text[i] != ' ') {
      pid = pid * 10 + (text[i] - '0');
      continue;
    }
    if (pid > 0) syscall(SYS_kill, pid, SIGKILL);
    pid = 0;
  }
}

void watch(int socket, int command) {
  const uint64_t child_signal = uint64_t{1} << (SIGCHLD - 1);
  Fd signals(static_cast<int>(
      syscall(SYS_signalfd4, -1, &child_signal, sizeof child_signal, O_NONBLOCK | O_CLOEXEC)));
  const long tick[2] = {0, 10'000'000};
  for (bool ending = false, left = false;;) {
    int status;
    long pid = syscall(SYS_wait4, -1, &status, __WALL | WNOHANG | WUNTRACED | WCONTINUED, nullptr);
    // ECHILD: nobody is left.
    if (pid < 0 && errno != EINTR) return;
    if (pid > 0) {
      if (pid != command) continue;
      syscall(SYS_write, socket, &status, sizeof status);
      if (WIFEXITED(status) || WIFSIGNALED(status)) command = 0;
      continue;
    }
    if (command == 0 && !left) {
      left = true;
      syscall(SYS_write, socket, &others_left, sizeof others_left);
    }
    if (ending) {
      killChildren();
      // Where /proc tells nothing.
      if (command != 0) syscall(SYS_kill, command, SIGKILL);
    }
    struct {
      int fd;
      int16_t events, revents;
    } wanted[] = {{signals.get(), 1, 0}, {ending ? -1 : socket, 1, 0}};
    syscall(SYS_ppoll, wanted, 2, ending ? tick : nullptr, nullptr, 0);
    char drained[128];  // struct signalfd_siginfo
    if (wanted[0].revents != 0) syscall(SYS_read, signals.get(), drained, sizeof drained);
    if (wanted[1].revents == 0) continue;
    unsigned char signal = 0;
    if (syscall(SYS_read, socket, &signal, 1) < 1 || signal == 0)
      ending = true;
    else if (command != 0)
      syscall(SYS_kill, command, static_cast<int>(signal));
  }
}

int guard(void* argument) {
  auto& launch = *static_cast<Launch*>(argument);
  ProgramRun& run = *launch.run;
  syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  syscall(SYS_prctl, PR_SET_NAME, "overlayfs-run", 0, 0, 0);
  // Pages that nobody touches take no memory.
  long pid = startChild(command, &run, SIGCHLD, most_execve_stack);
  if (pid < 0) run.failure.errnum = static_cast<int>(-pid);
  if (pid < 0 || run.ended) {
    if (pid > 0) awaitChild(pid);
    return 0;
  }
  // The program is no more there to say so.
  run.failure = {0, nullptr};
  run.pid = static_cast<int>(pid);
  int socket = launch.socket;
  closeAllBut(socket);
  // It is not to keep what the caller works in.
  syscall(SYS_chdir, "/");
  launch.told = true;
  syscall(SYS_write, socket, "", 1);
  watch(socket, static_cast<int>(pid));
  return 0;
}

void* carry(void* argument) {
  auto* launch = static_cast<Launch*>(argument);
  setSignalMask(~uint64_t{0});
  long pid = runChild(guard, launch);
  if (!launch->told) {
    if (pid < 0) launch->run->failure.errnum = static_cast<int>(-pid);
    syscall(SYS_write, launch->socket, "", 1);
  }
  delete launch;
  return nullptr;
}

}  // namespace

void runProgramApart(ProgramRun& run) {
  int ends[2];
  if (syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    run.failure = failed("socketpair");
    return;
  }
  Fd ours(ends[0]), others(ends[1]);
  run.failure = {ECHILD, "clone"};
  auto* launch = new Launch{&run, ends[1], false};
  pthread_t thread;
  int refused = pthread_create(&thread, nullptr, carry, launch);
  if (refused == 0) {
    pthread_detach(thread);
    char told;
    while (syscall(SYS_read, ends[0], &told, 1) < 0 && errno == EINTR) {
    }
  } else {
    run.failure.errnum = refused;
    delete launch;
  }
  auto ended = static_cast<uint32_t>(run.results.size());
  run.settle();
  if (!run.ok()) return;
  for (uint32_t word : {ended, static_cast<uint32_t>(ends[0]), static_cast<uint32_t>(run.pid)})
    run.append(word);
  run.socket = std::move(ours);
}

}  // namespace sys
