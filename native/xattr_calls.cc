// The system calls on extended attributes, of files of any kind.
#include "xattr_calls.h"

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

// ssize_t listxattr(const char *path, char *list, size_t size);
Result<std::string> listxattr(FdArg file) {
  std::string buffer(xattr_limit, '\0');
  long got = syscall(SYS_listxattr, ProcPath(file).data(), buffer.data(), buffer.size());
  return filled("listxattr", got, std::move(buffer));
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
