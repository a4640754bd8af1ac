// The table of all calls: one row gives a call to JavaScript, alone and in programs.
#pragma once

#include <span>

#include "program.h"

namespace sys {

struct Call {
  const char* name;
  // One letter an argument: f descriptor, u 32 bits, q 64 bits, t text, b blob.
  const char* signature;
  // What it gives: f descriptor, b bytes, n nothing.
  char gives;
  // Leaves a namespace or a directory: for programs in a child only (namespace_child.h), and not exported by itself.
  bool only_in_child;
  Result<Unit> (*body)(const Operand*, StepResult&);

  Result<Unit> run(Reader& reader, StepResult& step) const;
};

std::span<const Call> calls();

}  // namespace sys
