// The system calls on files and directories, by number; every descriptor is born O_CLOEXEC.
#include "file_calls.h"

#include <fcntl.h>
#include <linux/types.h>
// asm/statfs.h of s390x wants linux/types.h before it.
#include <asm/statfs.h>

#include "outcome.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

namespace sys {
namespace {

// struct open_how of linux/openat2.h.
struct OpenHow {
  uint64_t flags, mode, resolve;
};

// struct statx is 256 bytes on every architecture (linux/stat.h).
constexpr std::size_t statx_size = 256, statx_owner = 20, statx_mode = 28, statx_atime = 64,
                      statx_mtime = 112;

}  // namespace

// int openat(int dirfd, const char *pathname, int flags, mode_t mode);
Result<Fd> openat(FdArg dir, Text path, uint32_t flags, uint32_t mode) {
  return descriptor("openat", syscall(SYS_openat, dir.number, path.data, flags | O_CLOEXEC, mode));
}

// int openat2(int dirfd, const char *pathname, struct open_how *how, size_t size);
Result<Fd> openat2(FdArg dir, Text path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  OpenHow how{flags | O_CLOEXEC, mode, resolve};
  return descriptor("openat2", syscall(SYS_openat2, dir.number, path.data, &how, sizeof how));
}

// ssize_t read(int fd, void *buf, size_t count);
Result<std::string> read(FdArg file, uint32_t capacity) {
  std::string buffer(capacity, '\0');
  long got = syscall(SYS_read, file.number, buffer.data(), buffer.size());
  return filled("read", got, std::move(buffer));
}

// ssize_t write(int fd, const void *buf, size_t count); again for what is left, since a full disk takes a part first.
Result<Unit> write(FdArg file, Blob bytes) {
  std::size_t done = 0;
  do {
    long written = syscall(SYS_write, file.number, bytes.data() + done, bytes.size() - done);
    if (written < 0) return failed("write");
    if (written == 0 && done < bytes.size()) return Failure{EIO, "write"};
    done += static_cast<std::size_t>(written);
  } while (done < bytes.size());
  return Unit{};
}

// ssize_t getdents64(int fd, void *dirp, size_t count);
Result<std::string> getdents64(FdArg dir, uint32_t capacity) {
  std::string buffer(capacity, '\0');
  long got = syscall(SYS_getdents64, dir.number, buffer.data(), buffer.size());
  return filled("getdents64", got, std::move(buffer));
}

// ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz);
Result<std::string> readlinkat(FdArg dir, Text path) {
  std::string buffer(4096, '\0');  // PATH_MAX
  long got = syscall(SYS_readlinkat, dir.number, path.data, buffer.data(), buffer.size());
  return filled("readlinkat", got, std::move(buffer));
}

// int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *buf);
Result<std::string> statx(FdArg dir, Text path, uint32_t flags, uint32_t mask) {
  std::string buffer(statx_size, '\0');
  if (syscall(SYS_statx, dir.number, path.data, flags, mask, buffer.data()) < 0) return failed("statx");
  return buffer;
}

// int fstatfs(int fd, struct statfs *buf); here as eight 64-bit words:
// type, block size, blocks, free, available, files, free files, mount flags (ST_*).
Result<std::string> fstatfs(FdArg file) {
#ifdef SYS_fstatfs64
  struct statfs64 got;
  long returned = syscall(SYS_fstatfs64, file.number, sizeof got, &got);
#else
  struct statfs got;
  long returned = syscall(SYS_fstatfs, file.number, &got);
#endif
  if (returned < 0) return failed("fstatfs");
  const uint64_t words[] = {static_cast<uint32_t>(got.f_type),   static_cast<uint64_t>(got.f_bsize),
                            static_cast<uint64_t>(got.f_blocks), static_cast<uint64_t>(got.f_bfree),
                            static_cast<uint64_t>(got.f_bavail), static_cast<uint64_t>(got.f_files),
                            static_cast<uint64_t>(got.f_ffree),  static_cast<uint64_t>(got.f_flags)};
  return std::string(reinterpret_cast<const char*>(words), sizeof words);
}

// int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *tmo, NULL, 0) of one descriptor, without waiting; gives
// what there is (revents) in 16 bits.
Result<std::string> poll(FdArg file, uint32_t events) {
  struct {
    int fd;
    uint16_t events, revents;
  } asked{file.number, static_cast<uint16_t>(events), 0};
  const uint64_t none[2] = {0, 0};
  if (syscall(SYS_ppoll, &asked, 1, none, nullptr, 0) < 0) return failed("poll");
  return std::string(reinterpret_cast<const char*>(&asked.revents), sizeof asked.revents);
}

// off_t lseek(int fd, off_t offset, int whence); where that is, nobody asks.
Result<Unit> lseek(FdArg file, uint32_t offset, uint32_t whence) {
  return unit("lseek", syscall(SYS_lseek, file.number, static_cast<long>(offset), whence));
}

// int flock(int fd, int operation);
Result<Unit> flock(FdArg file, uint32_t operation) {
  return unit("flock", syscall(SYS_flock, file.number, operation));
}

// int ioctl(int fd, unsigned long op, void *argp); the structure goes in, and comes out as the kernel left it.
Result<std::string> ioctl(FdArg file, uint32_t request, Blob argument) {
  std::string buffer(argument);
  if (syscall(SYS_ioctl, file.number, static_cast<unsigned long>(request), buffer.data()) < 0)
    return failed("ioctl");
  return buffer;
}

// int mkdirat(int dirfd, const char *pathname, mode_t mode);
Result<Unit> mkdirat(FdArg dir, Text path, uint32_t mode) {
  return unit("mkdirat", syscall(SYS_mkdirat, dir.number, path.data, mode));
}

// int mknodat(int dirfd, const char *pathname, mode_t mode, dev_t dev);
Result<Unit> mknodat(FdArg dir, Text path, uint32_t mode, uint32_t device) {
  return unit("mknodat", syscall(SYS_mknodat, dir.number, path.data, mode, device));
}

// int symlinkat(const char *target, int newdirfd, const char *linkpath);
Result<Unit> symlinkat(Text target, FdArg dir, Text path) {
  return unit("symlinkat", syscall(SYS_symlinkat, target.data, dir.number, path.data));
}

// int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags);
Result<Unit> linkat(FdArg from, Text from_path, FdArg to, Text to_path, uint32_t flags) {
  return unit("linkat", syscall(SYS_linkat, from.number, from_path.data, to.number, to_path.data, flags));
}

// int unlinkat(int dirfd, const char *pathname, int flags);
Result<Unit> unlinkat(FdArg dir, Text path, uint32_t flags) {
  return unit("unlinkat", syscall(SYS_unlinkat, dir.number, path.data, flags));
}

// int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags);
Result<Unit> renameat2(FdArg from, Text from_path, FdArg to, Text to_path, uint32_t flags) {
  return unit("renameat2",
              syscall(SYS_renameat2, from.number, from_path.data, to.number, to_path.data, flags));
}

// int fchmodat(int dirfd, const char *pathname, mode_t mode); without a path fchmod(dirfd, mode), which it lacks.
Result<Unit> fchmodat(FdArg dir, Text path, uint32_t mode) {
  return unit("fchmodat", path.data ? syscall(SYS_fchmodat, dir.number, path.data, mode)
                                    : syscall(SYS_fchmod, dir.number, mode));
}

// int fchownat(int dirfd, const char *pathname, uid_t owner, gid_t group, int flags);
Result<Unit> fchownat(FdArg dir, Text path, uint32_t owner, uint32_t group, uint32_t flags) {
  return unit("fchownat", syscall(SYS_fchownat, dir.number, path.data, owner, group, flags));
}

// int syncfs(int fd);
Result<Unit> syncfs(FdArg file) { return unit("syncfs", syscall(SYS_syncfs, file.number)); }

// The next three give a file what statx(2) has told of another: in a program no number can come from an earlier step.

// int fchownat(int dirfd, const char *pathname, uid_t owner, gid_t group, int flags);
Result<Unit> fchownat_of(FdArg dir, Text path, Blob statx) {
  if (statx.size() < statx_size) return Failure{EINVAL, "fchownat"};
  uint32_t owner[2];
  __builtin_memcpy(owner, statx.data() + statx_owner, sizeof owner);
  return unit("fchownat", syscall(SYS_fchownat, dir.number, path.data, owner[0], owner[1], 0));
}

// int fchmodat(int dirfd, const char *pathname, mode_t mode);
Result<Unit> fchmodat_of(FdArg dir, Text path, Blob statx) {
  if (statx.size() < statx_size) return Failure{EINVAL, "fchmodat"};
  uint16_t mode;
  __builtin_memcpy(&mode, statx.data() + statx_mode, sizeof mode);
  return unit("fchmodat", syscall(SYS_fchmodat, dir.number, path.data, mode & 07777));
}

// int utimensat(int dirfd, const char *pathname, const struct timespec times[2], int flags);
Result<Unit> utimensat_of(FdArg dir, Text path, Blob statx, uint32_t flags) {
  if (statx.size() < statx_size) return Failure{EINVAL, "utimensat"};
#ifdef SYS_utimensat_time64
  constexpr long number = SYS_utimensat_time64;
  int64_t times[4];
#else
  constexpr long number = SYS_utimensat;
  long times[4];
#endif
  for (int i : {0, 1}) {
    int64_t seconds;
    uint32_t nanoseconds;
    const char* at = statx.data() + (i == 0 ? statx_atime : statx_mtime);
    __builtin_memcpy(&seconds, at, sizeof seconds);
    __builtin_memcpy(&nanoseconds, at + sizeof seconds, sizeof nanoseconds);
    times[2 * i] = seconds;
    times[2 * i + 1] = nanoseconds;
  }
  return unit("utimensat", syscall(number, dir.number, path.data, times, flags));
}

// int name_to_handle_at(int dirfd, const char *path, struct file_handle *handle, int *mount_id, int flags);
// Asked only for whether handles exist; the handle itself is dropped.
Result<Unit> name_to_handle_at(FdArg dir, Text path, uint32_t flags) {
  struct {
    uint32_t bytes = 128;  // MAX_HANDLE_SZ
    int32_t type = 0;
    unsigned char handle[128];
  } handle;
  int mount;
  return unit("name_to_handle_at",
              syscall(SYS_name_to_handle_at, dir.number, path.data, &handle, &mount, flags));
}

}  // namespace sys
