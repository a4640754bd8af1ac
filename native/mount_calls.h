// The system calls that make, change, list and end mounts.
#pragma once

#include <string>

#include "descriptor.h"
#include "result.h"
#include "values.h"

namespace sys {

Result<Fd> fsopen(Text type, uint32_t flags);
Result<Fd> fspick(FdArg dir, Text path, uint32_t flags);
Result<Unit> fsconfig_set_flag(FdArg context, Text key);
Result<Unit> fsconfig_set_string(FdArg context, Text key, Text value);
Result<Unit> fsconfig_set_fd(FdArg context, Text key, FdArg value);
Result<Unit> fsconfig_create(FdArg context);
Result<Unit> fsconfig_reconfigure(FdArg context);
Result<Fd> fsmount(FdArg context, uint32_t flags, uint32_t attributes);
Result<Unit> move_mount(FdArg from, Text from_path, FdArg to, Text to_path, uint32_t flags);
Result<Fd> open_tree(FdArg dir, Text path, uint32_t flags);
Result<Unit> mount_setattr(FdArg dir, Text path, uint32_t flags, uint64_t set, uint64_t clear,
                           uint64_t propagation, FdArg user_namespace);
Result<Unit> mount(Text source, Text target, Text type, uint32_t flags, Text data);
Result<Unit> umount2(Text target, uint32_t flags);
Result<std::string> statmount(uint64_t mount, uint64_t mask, uint32_t capacity);
Result<std::string> listmount(uint64_t mount, uint64_t after, uint32_t capacity);
Result<std::string> quotactl_fd(FdArg file, uint32_t command, uint32_t id, Blob argument);

}  // namespace sys
