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

}  // namespace sys
