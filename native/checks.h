// Conditions between the calls of a program: they look at what an earlier call gave and stop the program.
#pragma once

#include "result.h"
#include "values.h"

namespace sys {

// ECANCELED unless every 64-bit number of `numbers` is in `allowed`; both ascend, as listmount(2) gives them.
Result<Unit> require_subset(Blob numbers, Blob allowed);

// ECANCELED if the file that `statx` describes is one of `identities` (16 bytes each: inode, device major, minor).
Result<Unit> require_other_file(Blob statx, Blob identities);

// ECANCELED unless `bytes` holds `expected` at `offset`.
Result<Unit> require_at(Blob bytes, uint32_t offset, Blob expected);

// ECANCELED if `bytes` holds `text` anywhere.
Result<Unit> require_absent(Blob bytes, Blob text);

// ECANCELED if the 64-bit word at `offset` of `bytes` has one of `bits`. No bytes at all, of a step that failed and
// might, have none.
Result<Unit> require_bits_clear(Blob bytes, uint32_t offset, uint64_t bits);

}  // namespace sys
