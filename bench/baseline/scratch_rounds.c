// The floor under the figures of scratch(): rounds of a throw-away overlay, made and ended, as C does them.
//
// Loaded into the process that measures the package, as overlay_rounds.c is and for its reasons.
//
//   rounds(lower, rootless, nanoseconds)
//
// The calls are those of the library, in its order (lib/mount/plan-scratch.ts); rootless in a child that shares memory and
// descriptors, within one user namespace that is made once. rounds fills the Float64Array with the time of each.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <node_api.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { NR_FSOPEN = 430, NR_FSCONFIG = 431, NR_FSMOUNT = 432, NR_LISTMOUNT = 458 };
enum { CLOEXEC = 1, CONFIG_FLAG = 0, CONFIG_STRING = 1, CONFIG_FD = 5, CONFIG_CREATE = 6 };
enum { DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

static char lower[PATH_MAX], complaint[256];
static int namespace_fd = -1;
static char stack[65536] __attribute__((aligned(16)));

struct view {
  int mount, upper, bottom;
  struct stat root;
  bool rootless;
};

// The first failed call of a round; the rest of the round then fails too, and harmlessly.
static long check(long result, const char *call) {
  if (result < 0 && !complaint[0]) snprintf(complaint, sizeof complaint, "%s: %s", call, strerror(errno));
  return result;
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int fs_open(const char *type) { return (int)check(syscall(NR_FSOPEN, type, CLOEXEC), "fsopen"); }
static void set(int fs, int command, const char *key, const char *value, int fd) {
  check(syscall(NR_FSCONFIG, fs, command, key, value, fd), key ? key : "create");
}
static int create_and_mount(int fs) {
  set(fs, CONFIG_CREATE, NULL, NULL, 0);
  return (int)check(syscall(NR_FSMOUNT, fs, CLOEXEC, 0), "fsmount");
}

// The library asks whether its knowledge of the mount table is still good: a layer may have come into use.
static void look_at_mounts(void) {
  struct { uint32_t size, spare; uint64_t mount, after, ns; } request = {32, 0, UINT64_MAX, 0, 0};
  static uint64_t known[4096];
  check(syscall(NR_LISTMOUNT, &request, known, sizeof known / sizeof *known, 0), "listmount");
}

static void make(struct view *view) {
  int memory_fs = fs_open("tmpfs");
  int memory = create_and_mount(memory_fs);
  view->bottom = (int)check(open(lower, O_PATH | O_DIRECTORY | O_CLOEXEC), "open");
  check(fstat(view->bottom, &view->root), "fstat");
  check(mkdirat(memory, "u", 0700), "mkdirat");
  check(mkdirat(memory, "w", 0700), "mkdirat");
  if (!view->rootless) check(fchownat(memory, "u", view->root.st_uid, view->root.st_gid, 0), "fchownat");
  check(fchmodat(memory, "u", view->root.st_mode & 07777, 0), "fchmodat");
  struct timespec times[] = {view->root.st_atim, view->root.st_mtim};
  check(utimensat(memory, "u", times, 0), "utimensat");
  char listed[4096], by[32];
  snprintf(by, sizeof by, "/proc/self/fd/%d", view->bottom);
  check(listxattr(by, listed, sizeof listed), "listxattr");
  close(view->bottom);
  view->upper = (int)check(openat(memory, "u", DIRECTORY), "openat");
  int work = (int)check(openat(memory, "w", DIRECTORY), "openat");
  if (view->rootless) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", view->upper);
    check(setxattr(path, "user.overlayfs", "", 0, 0), "setxattr");
    check(removexattr(path, "user.overlayfs"), "removexattr");
  }
  int fs = fs_open("overlay");
  set(fs, CONFIG_STRING, "source", "overlay", 0);
  if (view->rootless) set(fs, CONFIG_FLAG, "userxattr", NULL, 0);
  set(fs, CONFIG_STRING, "lowerdir+", lower, 0);
  set(fs, CONFIG_FD, "upperdir", NULL, view->upper);
  set(fs, CONFIG_FD, "workdir", NULL, work);
  view->mount = create_and_mount(fs);
  struct statfs statfs;
  check(fstatfs(view->mount, &statfs), "fstatfs");
  close(memory_fs);
  close(memory);
  close(work);
  close(fs);
}

static int in_child(void *view) {
  check(setns(namespace_fd, CLONE_NEWUSER), "setns");
  check(unshare(CLONE_NEWNS), "unshare");
  make(view);
  return 0;
}

static void write_map(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  check(write(fd, text, strlen(text)), path);
  close(fd);
}

static int make_namespace(void *unused) {
  (void)unused;
  char map[64];
  unsigned uid = geteuid(), gid = getegid();
  check(unshare(CLONE_NEWUSER), "unshare");
  write_map("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "%u %u 1", uid, uid);
  write_map("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "%u %u 1", gid, gid);
  write_map("/proc/self/gid_map", map);
  namespace_fd = (int)check(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC), "open");
  return 0;
}

static void run_child(int (*body)(void *), void *argument) {
  int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES;
  int pid = (int)check(clone(body, stack + sizeof stack, flags, argument), "clone");
  while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) {
  }
}

static void end(struct view *view) {
  close(view->mount);
  close(view->upper);
}

static napi_value rounds(napi_env env, napi_callback_info info) {
  size_t argc = 3, count;
  napi_value argv[3];
  void *data;
  struct view view = {-1, -1, -1, {0}, false};
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  napi_get_value_string_utf8(env, argv[0], lower, sizeof lower, NULL);
  napi_get_value_bool(env, argv[1], &view.rootless);
  napi_get_typedarray_info(env, argv[2], NULL, &count, &data, NULL, NULL);
  complaint[0] = 0;
  if (view.rootless && namespace_fd < 0) run_child(make_namespace, NULL);
  for (size_t i = 0; i < count && !complaint[0]; i++) {
    uint64_t start = now();
    look_at_mounts();
    if (view.rootless) run_child(in_child, &view);
    else make(&view);
    end(&view);
    ((double *)data)[i] = (double)(now() - start);
  }
  if (complaint[0]) napi_throw_error(env, NULL, complaint);
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "rounds", NAPI_AUTO_LENGTH, rounds, NULL, &function);
  napi_set_named_property(env, exports, "rounds", function);
  return exports;
}
