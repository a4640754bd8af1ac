// Whether directories answer, found out without waiting for those that do not.
#pragma once

#include <string>

#include "result.h"
#include "values.h"

namespace sys {

// Opens and lists the directories, each ended by a NUL, and asks their filesystems for room; gives how many bytes of `paths`
// it has come through before one took too long, as 4 bytes in the host's order. Refusals are answers.
// The child that waits for one that takes too long is left to itself, and reaped by a later call when it has ended; without
// any paths that is all that is done, and how many are left is given.
Result<std::string> list_in_time(Blob paths, uint32_t milliseconds);

}  // namespace sys
