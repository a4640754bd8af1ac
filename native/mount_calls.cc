// The system calls that make, change, list and end mounts, and set quotas on them, by number: no libc need know them.
#include "mount_calls.h"

#include "outcome.h"

// Numbers above 423 are the same on every architecture.
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#define SYS_fspick 433
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif

namespace sys {
namespace {

// enum fsconfig_command of linux/mount.h, which cannot be included beside sys/mount.h everywhere.
enum Command { set_flag = 0, set_string = 1, set_fd = 5, create = 6, reconfigure = 7 };

struct MountAttr {
  uint64_t set, clear, propagation, user_namespace;
};

// struct mnt_id_req, its first published size.
struct MountIdRequest {
  uint32_t size, spare;
  uint64_t id, parameter;
};

}  // namespace

// int fsopen(const char *fsname, unsigned int flags);
Result<Fd> fsopen(Text type, uint32_t flags) {
  return descriptor("fsopen", syscall(SYS_fsopen, type.data, flags));
}

// int fspick(int dirfd, const char *pathname, unsigned int flags);
Result<Fd> fspick(FdArg dir, Text path, uint32_t flags) {
  return descriptor("fspick", syscall(SYS_fspick, dir.number, path.data, flags));
}

// int fsconfig(int fd, FSCONFIG_SET_FLAG, const char *key, NULL, 0);
Result<Unit> fsconfig_set_flag(FdArg context, Text key) {
  return unit("fsconfig", syscall(SYS_fsconfig, context.number, set_flag, key.data, nullptr, 0));
}

// int fsconfig(int fd, FSCONFIG_SET_STRING, const char *key, const char *value, 0);
Result<Unit> fsconfig_set_string(FdArg context, Text key, Text value) {
  return unit("fsconfig", syscall(SYS_fsconfig, context.number, set_string, key.data, value.data, 0));
}

// int fsconfig(int fd, FSCONFIG_SET_FD, const char *key, NULL, int aux);
Result<Unit> fsconfig_set_fd(FdArg context, Text key, FdArg value) {
  return unit("fsconfig", syscall(SYS_fsconfig, context.number, set_fd, key.data, nullptr, value.number));
}

// int fsconfig(int fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
Result<Unit> fsconfig_create(FdArg context) {
  return unit("fsconfig", syscall(SYS_fsconfig, context.number, create, nullptr, nullptr, 0));
}

// int fsconfig(int fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
Result<Unit> fsconfig_reconfigure(FdArg context) {
  return unit("fsconfig", syscall(SYS_fsconfig, context.number, reconfigure, nullptr, nullptr, 0));
}

// int fsmount(int fsfd, unsigned int flags, unsigned int attr_flags);
Result<Fd> fsmount(FdArg context, uint32_t flags, uint32_t attributes) {
  return descriptor("fsmount", syscall(SYS_fsmount, context.number, flags, attributes));
}

// int move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags);
Result<Unit> move_mount(FdArg from, Text from_path, FdArg to, Text to_path, uint32_t flags) {
  return unit("move_mount",
              syscall(SYS_move_mount, from.number, from_path.data, to.number, to_path.data, flags));
}

// int open_tree(int dirfd, const char *pathname, unsigned int flags);
Result<Fd> open_tree(FdArg dir, Text path, uint32_t flags) {
  return descriptor("open_tree", syscall(SYS_open_tree, dir.number, path.data, flags));
}

// int mount_setattr(int dirfd, const char *pathname, unsigned int flags, struct mount_attr *attr, size_t size);
Result<Unit> mount_setattr(FdArg dir, Text path, uint32_t flags, uint64_t set, uint64_t clear,
                           uint64_t propagation, FdArg user_namespace) {
  MountAttr attr{set, clear, propagation,
                 user_namespace.number < 0 ? 0 : static_cast<uint64_t>(user_namespace.number)};
  return unit("mount_setattr", syscall(SYS_mount_setattr, dir.number, path.data, flags, &attr, sizeof attr));
}

// int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
Result<Unit> mount(Text source, Text target, Text type, uint32_t flags, Text data) {
  return unit("mount", syscall(SYS_mount, source.data, target.data, type.data,
                               static_cast<unsigned long>(flags), data.data));
}

// int umount2(const char *target, int flags);
Result<Unit> umount2(Text target, uint32_t flags) {
  return unit("umount2", syscall(SYS_umount2, target.data, flags));
}

// int statmount(struct mnt_id_req *req, struct statmount *buf, size_t bufsize, unsigned int flags);
Result<std::string> statmount(uint64_t mount, uint64_t mask, uint32_t capacity) {
  MountIdRequest request{sizeof request, 0, mount, mask};
  std::string buffer(capacity, '\0');
  long got = syscall(SYS_statmount, &request, buffer.data(), buffer.size(), 0);
  if (got < 0) return failed("statmount");
  uint32_t size;  // The struct begins with its own size, strings included.
  __builtin_memcpy(&size, buffer.data(), sizeof size);
  if (size < buffer.size()) buffer.resize(size);
  return buffer;
}

// ssize_t listmount(struct mnt_id_req *req, uint64_t *ids, size_t n, unsigned int flags);
Result<std::string> listmount(uint64_t mount, uint64_t after, uint32_t capacity) {
  MountIdRequest request{sizeof request, 0, mount, after};
  // Where size_t has 32 bits, more would wrap; no namespace has so many mounts (fs.mount-max).
  if (capacity > 0x1000000) return Failure{EINVAL, "listmount"};
  std::string buffer(capacity * sizeof(uint64_t), '\0');
  long got = syscall(SYS_listmount, &request, buffer.data(), static_cast<std::size_t>(capacity), 0);
  if (got < 0) return failed("listmount");
  buffer.resize(static_cast<std::size_t>(got) * sizeof(uint64_t));
  return buffer;
}

// int quotactl_fd(unsigned int fd, int cmd, qid_t id, void *addr); the structure goes in, and comes out as the kernel left it.
Result<std::string> quotactl_fd(FdArg file, uint32_t command, uint32_t id, Blob argument) {
  std::string buffer(argument);
  if (syscall(SYS_quotactl_fd, file.number, command, id, buffer.data()) < 0) return failed("quotactl_fd");
  return buffer;
}

}  // namespace sys
