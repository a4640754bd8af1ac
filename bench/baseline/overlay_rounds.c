// The floor under every figure of this benchmark: rounds of overlay mount and
// unmount as C does them, with nothing between the system calls.
//
// Loaded into the process that measures the package: a program of its own would
// sleep and wake between its turns, often on another processor, which changes what
// an unmount costs (it waits for all processors) by more than is to be measured.
//
//   prepare(writable, attached, lowers, root), rounds(fewest, nanoseconds)
//
// Below root it expects l0, l1, … (lowers), u (upper), w (work), e (an empty
// directory) and m (target). rounds fills the Float64Array with the time of each.
//
// fewest: the fewest system calls that make this mount: mount(2) while its text
//         fits into a page, otherwise and detached the fsopen family with strings.
// same:   the system calls that the library makes, in its order.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <node_api.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

// Numbers, not libc names: the C library of the machine may be older than the kernel.
enum {
  NR_MOVE_MOUNT = 429, NR_FSOPEN = 430, NR_FSCONFIG = 431, NR_FSMOUNT = 432, NR_LISTMOUNT = 458,
};
enum {
  F_FSOPEN_CLOEXEC = 1, F_FSMOUNT_CLOEXEC = 1, F_MOVE_F_EMPTY = 4, F_MOVE_T_SYMLINKS = 0x10,
  CONFIG_STRING = 1, CONFIG_FD = 5, CONFIG_CREATE = 6,
  F_STATX_INO = 0x100, F_STATX_MNT_ID_UNIQUE = 0x4000, F_EMPTY_PATH = 0x1000,
  ATTR_RDONLY = 1,
};
#define LSMT_EVERYTHING 0xffffffffffffffffULL
#define MOST_LOWERS 500
#define PAGE_TEXT 4095
#define CONFIG_TEXT 255

struct listmount_request {
  uint32_t size, spare;
  uint64_t mount_id, after, namespace_id;
};

static int writable, attached, lowers;
static char lower[MOST_LOWERS + 1][PATH_MAX], upper[PATH_MAX], work[PATH_MAX], target[PATH_MAX];
static char mount_text[PAGE_TEXT + 1], config_text[CONFIG_TEXT + 1];
static int empty_layer = -1;

static jmp_buf failed;
static char complaint[512];

static long must(long result, const char *call) {
  if (result >= 0) return result;
  snprintf(complaint, sizeof complaint, "%s: %s", call, strerror(errno));
  if (attached) umount2(target, MNT_DETACH);
  longjmp(failed, 1);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int fs_open(const char *type) {
  return (int)must(syscall(NR_FSOPEN, type, F_FSOPEN_CLOEXEC), "fsopen");
}
static void set_string(int fs, const char *key, const char *value) {
  must(syscall(NR_FSCONFIG, fs, CONFIG_STRING, key, value, 0), key);
}
static void set_fd(int fs, const char *key, int fd) {
  must(syscall(NR_FSCONFIG, fs, CONFIG_FD, key, NULL, fd), key);
}
static int create_and_mount(int fs) {
  must(syscall(NR_FSCONFIG, fs, CONFIG_CREATE, NULL, NULL, 0), "fsconfig(create)");
  return (int)must(syscall(NR_FSMOUNT, fs, F_FSMOUNT_CLOEXEC, 0), "fsmount");
}
static uint64_t unique_mount_id(int dir, const char *path, int flags) {
  struct statx sx;
  must(statx(dir, path, flags, F_STATX_INO | F_STATX_MNT_ID_UNIQUE, &sx), "statx");
  return sx.stx_mnt_id;
}

// An upper or work directory as the library holds it: open, and locked for itself.
static int claim(const char *path) {
  int fd = (int)must(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
  must(flock(fd, LOCK_EX | LOCK_NB), "flock");
  return fd;
}
static void release(int fd) {
  flock(fd, LOCK_UN);
  close(fd);
}

// The library refuses a work directory with somebody's data, and a mount that came out read-only.
static void look_for_data(int work_fd) {
  struct statx sx;
  statx(work_fd, "work", AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE, &sx);
}
static void look_whether_writable(int mount) {
  struct statfs fs;
  must(fstatfs(mount, &fs), "fstatfs");
  if (fs.f_flags & ST_RDONLY) must(-1, "a read-only mount");
}

// The library looks for mounts it has not seen yet; in a steady loop there are none.
static void look_for_new_mounts(void) {
  static uint64_t ids[512];
  struct listmount_request request = {sizeof request, 0, LSMT_EVERYTHING, 0, 0};
  must(syscall(NR_LISTMOUNT, &request, ids, 512, 0), "listmount");
}

// A read-only view of one lower: the kernel wants two, so the library lends an empty
// directory of one detached tmpfs that lives as long as the process. The mount's own
// descriptor stays open: closing it dissolves the mount, and then its directory is EINVAL.
static void make_empty_layer(void) {
  int fs = fs_open("tmpfs");
  int mount = create_and_mount(fs);
  must(mkdirat(mount, "empty", 0555), "mkdirat");
  empty_layer = (int)must(openat(mount, "empty", O_PATH | O_DIRECTORY | O_CLOEXEC), "openat");
  close(fs);
}

// The system calls of lib/mount/plan-fsopen.ts, claim.ts and end-mount.ts, in their order.
static void same_round(void) {
  int upper_fd = -1, work_fd = -1;
  if (writable) {
    upper_fd = claim(upper);
    work_fd = claim(work);
    look_for_data(work_fd);
    look_for_new_mounts();
  }
  int fs = fs_open("overlay");
  set_string(fs, "source", "overlay");
  for (int i = 0; i < lowers; i++) set_string(fs, "lowerdir+", lower[i]);
  if (writable) {
    set_fd(fs, "upperdir", upper_fd);
    set_fd(fs, "workdir", work_fd);
  } else if (lowers == 1) {
    set_fd(fs, "lowerdir+", empty_layer);
  }
  int mount = create_and_mount(fs);
  if (attached) must(syscall(NR_MOVE_MOUNT, mount, "", AT_FDCWD, target, F_MOVE_F_EMPTY | F_MOVE_T_SYMLINKS), "move_mount");
  if (writable) look_whether_writable(mount);
  uint64_t id = attached ? unique_mount_id(mount, "", F_EMPTY_PATH) : 0;
  if (attached) close(mount);
  close(fs);
  if (attached) {
    if (unique_mount_id(AT_FDCWD, target, 0) != id) must(-1, "another mount on the target");
    must(umount2(target, 0), "umount2");
  } else {
    close(mount);
  }
  if (writable) {
    release(upper_fd);
    release(work_fd);
  }
}

static void fewest_round(void) {
  if (attached && mount_text[0]) {
    must(mount("overlay", target, "overlay", writable ? 0 : MS_RDONLY, mount_text), "mount");
    must(umount2(target, 0), "umount2");
    return;
  }
  int fs = fs_open("overlay");
  if (config_text[0]) {
    set_string(fs, "lowerdir", config_text);
  } else {
    for (int i = 0; i < lowers; i++) set_string(fs, "lowerdir+", lower[i]);
    if (!writable && lowers == 1) set_string(fs, "lowerdir+", lower[1]);
  }
  if (writable) {
    set_string(fs, "upperdir", upper);
    set_string(fs, "workdir", work);
  }
  int mount = create_and_mount(fs);
  if (attached) must(syscall(NR_MOVE_MOUNT, mount, "", AT_FDCWD, target, F_MOVE_F_EMPTY), "move_mount");
  close(fs);
  close(mount);
  if (attached) must(umount2(target, 0), "umount2");
}

// Joins the lowers into one text; leaves it empty when it does not fit, which means: not this way.
static void join(char *text, size_t room, const char *before, int count, const char *after) {
  size_t length = (size_t)snprintf(text, room, "%s", before);
  for (int i = 0; i < count && length < room; i++)
    length += (size_t)snprintf(text + length, room - length, "%s%s", i ? ":" : "", lower[i]);
  if (length < room) length += (size_t)snprintf(text + length, room - length, "%s", after);
  if (length >= room) text[0] = 0;
}

static void set_paths(const char *root) {
  for (int i = 0; i < lowers; i++) snprintf(lower[i], PATH_MAX, "%s/l%d", root, i);
  snprintf(upper, PATH_MAX, "%s/u", root);
  snprintf(work, PATH_MAX, "%s/w", root);
  snprintf(target, PATH_MAX, "%s/m", root);
  int count = lowers;
  if (!writable && lowers == 1) snprintf(lower[count++], PATH_MAX, "%s/e", root);
  static char after[3 * PATH_MAX];
  after[0] = 0;
  if (writable) snprintf(after, sizeof after, ",upperdir=%s,workdir=%s", upper, work);
  join(mount_text, sizeof mount_text, "lowerdir=", count, after);
  join(config_text, sizeof config_text, "", count, "");
}

static napi_value complain(napi_env env) {
  napi_throw_error(env, NULL, complaint);
  return NULL;
}

// prepare(writable, attached, lowers, root)
static napi_value prepare(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value argv[4];
  bool flag;
  char root[PATH_MAX];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  napi_get_value_bool(env, argv[0], &flag);
  writable = flag;
  napi_get_value_bool(env, argv[1], &flag);
  attached = flag;
  napi_get_value_int32(env, argv[2], &lowers);
  if (lowers < 1 || lowers > MOST_LOWERS) lowers = 1;
  napi_get_value_string_utf8(env, argv[3], root, sizeof root, NULL);
  set_paths(root);
  if (setjmp(failed)) return complain(env);
  if (empty_layer < 0) make_empty_layer();
  return NULL;
}

// rounds(fewest, nanoseconds)
static napi_value rounds(napi_env env, napi_callback_info info) {
  size_t argc = 2, count;
  napi_value argv[2];
  bool fewest;
  void *data;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  napi_get_value_bool(env, argv[0], &fewest);
  napi_get_typedarray_info(env, argv[1], NULL, &count, &data, NULL, NULL);
  if (setjmp(failed)) return complain(env);
  for (size_t i = 0; i < count; i++) {
    uint64_t start = now();
    if (fewest) fewest_round();
    else same_round();
    ((double *)data)[i] = (double)(now() - start);
  }
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "prepare", NAPI_AUTO_LENGTH, prepare, NULL, &function);
  napi_set_named_property(env, exports, "prepare", function);
  napi_create_function(env, "rounds", NAPI_AUTO_LENGTH, rounds, NULL, &function);
  napi_set_named_property(env, exports, "rounds", function);
  return exports;
}
