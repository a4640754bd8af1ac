// Runs a program in a child process, where namespaces may be left without the caller leaving them.
#pragma once

#include "program.h"
#include "result.h"
#include "values.h"

namespace sys {

// For its programs alone.
Result<Unit> unshare(uint32_t flags);
Result<Unit> setns(FdArg name_space, uint32_t type);

// The same as runProgram, and what it opens and keeps is this process's. When it returns there is no child any more.
void runProgramInChild(ProgramRun& program);

// Gives the mask of before.
uint64_t setSignalMask(uint64_t mask);
// Runs it in a child that shares memory and descriptors, and comes back when that has ended or is another program. Gives
// the number of the child, which leaves `signal` at its end, or -errno. Signals have to be blocked.
long startChild(int (*run)(void*), void* argument, int signal, std::size_t more_stack = 0);
// The same for one that ends when it wants to: the caller waits for it where signals can stop it, as a caller that is
// suspended cannot be, and with it all of its process.
long runChild(int (*run)(void*), void* argument);
void awaitChild(long pid);

}  // namespace sys
