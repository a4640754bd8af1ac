// Descriptors behind chosen numbers, pipes, and the way into another program.
#include "process_calls.h"

#include <fcntl.h>
#include <signal.h>

#include "namespace_child.h"
#include "outcome.h"

namespace sys {
namespace {

// How many pointers strings behind each other need, each with its NUL; 0 where they are none, or too many.
std::size_t pointersFor(Blob strings) {
  std::size_t count = 1;
  for (char byte : strings) count += byte == '\0';
  return count > most_strings || (!strings.empty() && strings.back() != '\0') ? 0 : count;
}

void point(Blob strings, const char** pointers) {
  for (std::size_t at = 0; at < strings.size(); at = strings.find('\0', at) + 1)
    *pointers++ = strings.data() + at;
  *pointers = nullptr;
}

}  // namespace

// int dup3(int oldfd, int newfd, int flags); who owned the number `to` still does.
Result<Unit> dup3(FdArg from, FdArg to, uint32_t flags) {
  return unit("dup3", syscall(SYS_dup3, from.number, to.number, flags));
}

// int pipe2(int pipefd[2], int flags); the end to read from. The other one is opened by its magic link: proc_pid_fd(5).
Result<Fd> pipe2(uint32_t flags) {
  int ends[2];
  if (syscall(SYS_pipe2, ends, flags | O_CLOEXEC) < 0) return failed("pipe2");
  syscall(SYS_close, ends[1]);
  return Fd(ends[0]);
}

// int chdir(const char *path);
Result<Unit> chdir(Text path) { return unit("chdir", syscall(SYS_chdir, path.data)); }

// int execve(const char *pathname, char *const argv[], char *const envp[]); no signal is blocked, ignored or handled.
Result<Unit> execve(Text path, Blob arguments, Blob environment) {
  std::size_t counts[] = {pointersFor(arguments), pointersFor(environment)};
  if (counts[0] == 0 || counts[1] == 0) return Failure{E2BIG, "execve"};
  // On the stack: nobody would be there to free them.
  auto** argv = static_cast<const char**>(__builtin_alloca((counts[0] + counts[1]) * sizeof(char*)));
  auto** envp = argv + counts[0];
  point(arguments, argv);
  point(environment, envp);
  // struct kernel_sigaction, of whatever layout: SIG_DFL without flags.
  const uint64_t by_default[8] = {};
  for (int signal = 1; signal <= 64; ++signal)
    syscall(SYS_rt_sigaction, signal, by_default, nullptr, sizeof(uint64_t));
  setSignalMask(0);
  return unit("execve", syscall(SYS_execve, path.data, argv, envp));
}

}  // namespace sys
