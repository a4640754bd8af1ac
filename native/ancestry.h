// Where directories lie: identities (16 bytes each: inode, device major, minor) of what is above them, and comparisons.
#pragma once

#include <string>

#include "result.h"
#include "values.h"

namespace sys {

// `before`, and behind it the identities of `dir` and of the directories above it, up to the root of its mount, to one that
// `before` has, or to one that may not be searched.
//
// A composite, since nobody knows beforehand how many there are: alone, each level is a job of 12 to 70 µs beside 1 µs here.
Result<std::string> ancestors(FdArg dir, Blob before);

// ECANCELED if both lists of identities have one in common.
Result<Unit> require_disjoint(Blob some, Blob others);

// ECANCELED if one of `paths` (each with a NUL behind it) is a directory of `never`, or is or lies in one of `around`, as far
// as its mount shows. A path that leads nowhere is passed over.
//
// A composite, since directories that lie side by side share what is above them: 25 cost 40 µs so, and 250 µs if each is
// followed to the top, beside a mount of 250 µs.
Result<Unit> require_outside(Blob paths, Blob never, Blob around);

}  // namespace sys
