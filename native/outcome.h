// Turns what syscall(2) returned into a Result.
#pragma once

#include <string>

#include "descriptor.h"
#include "result.h"

namespace sys {

inline Failure failed(const char* name) { return {errno, name}; }

inline Result<Unit> unit(const char* name, long returned) {
  if (returned < 0) return failed(name);
  return Unit{};
}

inline Result<Fd> descriptor(const char* name, long returned) {
  if (returned < 0) return failed(name);
  return Fd(static_cast<int>(returned));
}

// For calls that fill a buffer and return how much of it.
inline Result<std::string> filled(const char* name, long returned, std::string buffer) {
  if (returned < 0) return failed(name);
  buffer.resize(static_cast<std::size_t>(returned));
  return buffer;
}

}  // namespace sys
