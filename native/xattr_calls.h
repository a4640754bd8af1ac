// The system calls on extended attributes.
#pragma once

#include <string>

#include "result.h"
#include "values.h"

namespace sys {

Result<std::string> getxattr(FdArg file, Text name);
Result<std::string> listxattr(FdArg file);
Result<Unit> setxattr(FdArg file, Text name, Blob value, uint32_t flags);
Result<Unit> removexattr(FdArg file, Text name);

}  // namespace sys
