// The system calls that a program makes of a process on its way to another one.
#pragma once

#include "descriptor.h"
#include "result.h"
#include "values.h"

namespace sys {

Result<Unit> dup3(FdArg from, FdArg to, uint32_t flags);
Result<Fd> pipe2(uint32_t flags);

// The next two are for programs in a child alone.
Result<Unit> chdir(Text path);
// Arguments and environment are strings behind each other, each with its NUL.
Result<Unit> execve(Text path, Blob arguments, Blob environment);

// More strings each the kernel does not take either, unless its limit on stacks was raised; what they need of ours.
constexpr std::size_t most_strings = 128 * 1024, most_execve_stack = 2 * most_strings * sizeof(char*);

}  // namespace sys
