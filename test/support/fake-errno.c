/* Runs a command whose chosen system calls fail with a chosen errno, so that this kernel can stand in for older ones.
 *
 *   fake-errno RULE[,RULE…] -- COMMAND [ARG…]
 *   RULE = CALL [@ARG:VALUE | @ARG&BITS] [:STRING] [#N | #N+] =ERRNO
 *
 *   fsopen=ENOSYS                  every fsopen(2) fails
 *   fsconfig@1:5=EINVAL            only when the low 32 bits of argument 1 are 5 (FSCONFIG_SET_FD)
 *   unshare@0&0x10000000=EPERM     only when argument 0 has one of these bits (CLONE_NEWUSER)
 *   fsconfig:lowerdir+=EINVAL      only when the call's string argument is "lowerdir+"
 *   fsconfig#3=ENOMEM              only the third such call of the whole process tree (#3+: the third and all later ones)
 *   mount@3:4096:overlay#1=EPERM   all of it at once
 *
 * The first rule that fits a call decides. ERRNO is a name or a number; 0 pretends that the call succeeded.
 * Plain rules live in a seccomp filter alone, and the command replaces this process. A string cannot be compared and
 * a call cannot be counted by a filter, so for these rules the kernel hands the call to a supervisor, which is this
 * process: it reads the string from the caller's memory, answers or lets the call continue, and at the end dies as
 * the command died. A process that outlives the command finds its supervised calls gone (ENOSYS).
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake-errno-rules.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#if __BYTE_ORDER == __LITTLE_ENDIAN
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif

/* Installs the filter; with supervised rules the descriptor on which their calls arrive is returned, otherwise -1. */
static int install_filter(int supervised) {
  struct sock_filter code[5 * MAX_RULES + 1];
  unsigned short n = 0;
#define EMIT(...) code[n++] = (struct sock_filter)__VA_ARGS__
  for (size_t i = 0; i < rule_count; i++) {
    const struct rule *r = &rules[i];
    unsigned char skip = r->argument < 0 ? 1 : 3;
    EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->call->number, 0, skip));
    if (r->argument >= 0) {
      uint32_t at = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)r->argument + LOW_HALF);
      EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
      EMIT(BPF_JUMP(BPF_JMP | (r->bits ? BPF_JSET : BPF_JEQ) | BPF_K, r->value, 0, 1));
    }
    uint32_t verdict = is_supervised(r) ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | (uint32_t)r->error;
    EMIT(BPF_STMT(BPF_RET | BPF_K, verdict));
  }
  EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  struct sock_fprog program = {n, code};
  /* An ordinary user may only filter what can gain no privilege. Root keeps set-user-id programs working. */
  if (geteuid() != 0) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  unsigned long flags = supervised ? SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0;
  long got = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (got < 0 && errno == EINVAL && supervised) /* before Linux 5.19 a signal may make a call arrive twice */
    got = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (got < 0) die("seccomp(SECCOMP_SET_MODE_FILTER) failed", strerror(errno));
  return supervised ? (int)got : -1;
}

/* The descriptor is passed by SCM_RIGHTS: one message, sent when fd is given, received when it is -1. */
static int pass_descriptor(int socket, int fd) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.bytes = {0}};
  char byte = 0;
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  if (fd < 0) {
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || message.msg_controllen == 0) return -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
  }
  control.header = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  return sendmsg(socket, &message, 0) == 1 ? fd : -1;
}

static int string_is(uint32_t pid, uint64_t address, const char *expected) {
  char path[64], found[256] = "";
  snprintf(path, sizeof path, "/proc/%u/mem", pid);
  int memory = open(path, O_RDONLY | O_CLOEXEC);
  if (memory < 0) return 0;
  ssize_t got = pread(memory, found, sizeof found - 1, (off_t)address);
  close(memory);
  return got > 0 && memchr(found, 0, sizeof found) && !strcmp(found, expected);
}

static void answer_call(int listener) {
  struct seccomp_notif_sizes sizes;
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0) die("no user notification", strerror(errno));
  struct seccomp_notif *call = calloc(1, sizes.seccomp_notif + sizeof *call);
  struct seccomp_notif_resp *answer = calloc(1, sizes.seccomp_notif_resp + sizeof *answer);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, call) == 0) {
    answer->id = call->id;
    answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    for (size_t i = 0; i < rule_count; i++) {
      struct rule *r = &rules[i];
      if (r->call->number != call->data.nr) continue;
      uint32_t value = r->argument < 0 ? 0 : (uint32_t)call->data.args[r->argument];
      if (r->argument >= 0 && !(r->bits ? value & r->value : value == r->value)) continue;
      if (r->string[0] && !string_is(call->pid, call->data.args[r->call->string_argument], r->string)) continue;
      r->seen++;
      if (r->nth && r->seen != r->nth && !(r->and_later && r->seen > r->nth)) continue;
      answer->flags = 0;
      answer->error = -r->error;
      break;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer); /* fails when the caller was killed meanwhile: nothing to do */
  }
  free(call);
  free(answer);
}

static void end_as(int status) {
  if (!WIFSIGNALED(status)) exit(WEXITSTATUS(status));
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  signal(WTERMSIG(status), SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, NULL);
  raise(WTERMSIG(status));
  exit(128 + WTERMSIG(status));
}

static void supervise(pid_t child, int listener, int signals) {
  struct pollfd ready[] = {{listener, POLLIN, 0}, {signals, POLLIN, 0}};
  for (;;) {
    if (poll(ready, 2, -1) < 0) continue; /* EINTR, by a signal that is not forwarded */
    if (ready[0].revents & POLLIN) answer_call(listener);
    else if (ready[0].revents) ready[0].fd = -1; /* nobody is left under the filter */
    struct signalfd_siginfo info;
    if (!(ready[1].revents & POLLIN) || read(signals, &info, sizeof info) != sizeof info) continue;
    int status;
    if (info.ssi_signo != SIGCHLD) kill(child, (int)info.ssi_signo);
    else if (waitpid(child, &status, WNOHANG) == child) end_as(status);
  }
}

int main(int argc, char **argv) {
  int at = 1, supervised = 0;
  for (; at < argc && strcmp(argv[at], "--"); at++)
    for (char *rule = strtok(argv[at], ","); rule; rule = strtok(NULL, ",")) parse_rule(rule);
  if (at + 1 >= argc) die("usage: fake-errno CALL[@ARG:VALUE][:STRING][#N]=ERRNO[,…] -- COMMAND [ARG…]", NULL);
  for (size_t i = 0; i < rule_count; i++) supervised |= is_supervised(&rules[i]);
  char **command = argv + at + 1;
  if (supervised) {
    int pair[2];
    sigset_t forwarded, before;
    sigfillset(&forwarded);
    for (const int *s = (const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE, 0}; *s; s++)
      sigdelset(&forwarded, *s);
    sigprocmask(SIG_BLOCK, &forwarded, &before);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) die("socketpair failed", strerror(errno));
    pid_t child = fork();
    if (child < 0) die("fork failed", strerror(errno));
    if (child > 0) {
      close(pair[1]);
      int listener = pass_descriptor(pair[0], -1);
      if (listener < 0) exit(125); /* the child said why */
      supervise(child, listener, signalfd(-1, &forwarded, SFD_CLOEXEC));
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would answer any more */
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pass_descriptor(pair[1], install_filter(1)) < 0) die("passing the listener failed", strerror(errno));
  } else {
    install_filter(0);
  }
  execvp(command[0], command);
  fprintf(stderr, "fake-errno: %s: %s\n", command[0], strerror(errno));
  return 127;
}
