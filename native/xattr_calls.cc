// The system calls on extended attributes, of files of any kind.
#include "xattr_calls.h"

#include <cerrno>

#include "outcome.h"
#include "proc_path.h"

namespace sys {
namespace {

// XATTR_SIZE_MAX and XATTR_LIST_MAX (linux/limits.h).
constexpr std::size_t xattr_limit = 65536;

}  // namespace

// The f…xattr calls refuse O_PATH descriptors; the magic link names the same object and follows nothing else.

// ssize_t getxattr(const char *path, const char *name, void *value, size_t size);
Result<std::string> getxattr(FdArg file, Text name) {
  std::string buffer(xattr_limit, '\0');
  long got = syscall(SYS_getxattr, ProcPath(file).data(), name.data, buffer.data(), buffer.size());
  return filled("getxattr", got, std::move(buffer));
}

// ssize_t listxattr(const char *path, char *list, size_t size); few files have more names than fit into the first buffer,
// and to clear the largest takes longer than all else.
Result<std::string> listxattr(FdArg file) {
  for (std::size_t size = 256;; size = xattr_limit) {
    std::string buffer(size, '\0');
    long got = syscall(SYS_listxattr, ProcPath(file).data(), buffer.data(), size);
    if (got >= 0 || errno != ERANGE || size == xattr_limit)
      return filled("listxattr", got, std::move(buffer));
  }
}

// int setxattr(const char *path, const char *name, const void *value, size_t size, int flags);
Result<Unit> setxattr(FdArg file, Text name, Blob value, uint32_t flags) {
  return unit("setxattr",
              syscall(SYS_setxattr, ProcPath(file).data(), name.data, value.data(), value.size(), flags));
}

// int removexattr(const char *path, const char *name);
Result<Unit> removexattr(FdArg file, Text name) {
  return unit("removexattr", syscall(SYS_removexattr, ProcPath(file).data(), name.data));
}

}  // namespace sys
