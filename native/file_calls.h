// The system calls on files and directories that looking at and tidying up layers needs.
#pragma once

#include <string>

#include "descriptor.h"
#include "result.h"
#include "values.h"

namespace sys {

Result<Fd> openat(FdArg dir, Text path, uint32_t flags, uint32_t mode);
Result<Fd> openat2(FdArg dir, Text path, uint64_t flags, uint64_t mode, uint64_t resolve);
Result<std::string> read(FdArg file, uint32_t capacity);
Result<Unit> write(FdArg file, Blob bytes);
Result<std::string> getdents64(FdArg dir, uint32_t capacity);
Result<std::string> readlinkat(FdArg dir, Text path);
Result<std::string> statx(FdArg dir, Text path, uint32_t flags, uint32_t mask);
Result<std::string> fstatfs(FdArg file);
Result<std::string> poll(FdArg file, uint32_t events);
Result<Unit> lseek(FdArg file, uint32_t offset, uint32_t whence);
Result<Unit> flock(FdArg file, uint32_t operation);
Result<std::string> ioctl(FdArg file, uint32_t request, Blob argument);
Result<Unit> mkdirat(FdArg dir, Text path, uint32_t mode);
Result<Unit> mknodat(FdArg dir, Text path, uint32_t mode, uint32_t device);
Result<Unit> symlinkat(Text target, FdArg dir, Text path);
Result<Unit> linkat(FdArg from, Text from_path, FdArg to, Text to_path, uint32_t flags);
Result<Unit> unlinkat(FdArg dir, Text path, uint32_t flags);
Result<Unit> renameat2(FdArg from, Text from_path, FdArg to, Text to_path, uint32_t flags);
Result<Unit> fchmodat(FdArg dir, Text path, uint32_t mode);
Result<Unit> fchownat(FdArg dir, Text path, uint32_t owner, uint32_t group, uint32_t flags);
Result<Unit> syncfs(FdArg file);
Result<Unit> fchownat_of(FdArg dir, Text path, Blob statx);
Result<Unit> fchmodat_of(FdArg dir, Text path, Blob statx);
Result<Unit> utimensat_of(FdArg dir, Text path, Blob statx, uint32_t flags);
Result<Unit> name_to_handle_at(FdArg dir, Text path, uint32_t flags);

}  // namespace sys
