// Whether directories answer, found out without waiting for those that do not.
#pragma once

#include <string>

#include "result.h"
#include "values.h"

namespace sys {

// Opens and lists the directories, each ended by a NUL, and asks their filesystems for room; gives how many bytes of `paths`
// it has come through before one took too long, as 4 bytes in the host's order. Refusals are answers.
Result<std::string> list_in_time(Blob paths, uint32_t milliseconds);

}  // namespace sys
