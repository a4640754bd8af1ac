// The magic link of a descriptor, "/proc/self/fd/N".
#pragma once

#include <cstring>

#include "values.h"

namespace sys {

class ProcPath {
 public:
  explicit ProcPath(FdArg file) {
    static constexpr char prefix[] = "/proc/self/fd/";
    std::memcpy(text_, prefix, sizeof prefix - 1);
    char digits[12];
    int length = 0;
    // A negative number is no descriptor: "-" names nothing, so that the call fails with ENOENT.
    unsigned number = static_cast<unsigned>(file.number);
    if (file.number < 0)
      digits[length++] = '-';
    else
      do digits[length++] = static_cast<char>('0' + number % 10);
      while ((number /= 10) != 0);
    char* out = text_ + sizeof prefix - 1;
    while (length > 0) *out++ = digits[--length];
    *out = '\0';
  }
  const char* data() const { return text_; }

 private:
  char text_[32];
};

}  // namespace sys
