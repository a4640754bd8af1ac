// The argument types of the calls: borrowed text and bytes, and a descriptor number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sys {

// Ends with a NUL and contains none; data is nullptr where the C call takes NULL.
struct Text {
  const char* data;
  std::size_t size;
};

// Any bytes, NULs too.
using Blob = std::string_view;

// Borrowed, or a special value such as AT_FDCWD.
struct FdArg {
  int number;
};

}  // namespace sys
