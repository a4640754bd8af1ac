// Runs a program in a child process, where namespaces may be left without the caller leaving them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "descriptor.h"
#include "result.h"
#include "values.h"

namespace sys {

// For its programs alone.
Result<Unit> unshare(uint32_t flags);
Result<Unit> setns(FdArg name_space, uint32_t type);

// The same as runProgram, and what it opens and keeps is this process's. When it returns there is no child any more.
Result<std::string> runProgramInChild(std::string_view program, std::vector<Fd>& given, std::vector<Fd>& kept,
                                      std::string& log);

// A call like others. Opens and lists the directories, each ended by a NUL, and asks their filesystems for room; gives how
// many bytes of `paths` it has come through before one took too long, as 4 bytes in the host's order. Refusals are answers.
Result<std::string> list_in_time(Blob paths, uint32_t milliseconds);

}  // namespace sys
