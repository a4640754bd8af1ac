// Conditions between the calls of a program, by plain comparison of bytes.
#include "checks.h"

#include <cstring>

namespace sys {
namespace {

uint64_t wordAt(Blob bytes, std::size_t offset) {
  uint64_t word;
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

// Offsets in struct statx (linux/stat.h): stx_ino, and stx_dev_major with stx_dev_minor behind it.
constexpr std::size_t inode_offset = 32, device_offset = 136, statx_size = 256;

}  // namespace

Result<Unit> require_subset(Blob numbers, Blob allowed) {
  std::size_t at = 0;
  for (std::size_t i = 0; i + 8 <= numbers.size(); i += 8) {
    uint64_t wanted = wordAt(numbers, i);
    while (at + 8 <= allowed.size() && wordAt(allowed, at) < wanted) at += 8;
    if (at + 8 > allowed.size() || wordAt(allowed, at) != wanted) return Failure{ECANCELED, "require_subset"};
  }
  return Unit{};
}

Result<Unit> require_other_file(Blob statx, Blob identities) {
  if (statx.size() < statx_size) return Failure{EINVAL, "require_other_file"};
  for (std::size_t i = 0; i + 16 <= identities.size(); i += 16)
    if (wordAt(identities, i) == wordAt(statx, inode_offset) &&
        wordAt(identities, i + 8) == wordAt(statx, device_offset))
      return Failure{ECANCELED, "require_other_file"};
  return Unit{};
}

Result<Unit> require_at(Blob bytes, uint32_t offset, Blob expected) {
  if (offset > bytes.size() || bytes.substr(offset, expected.size()) != expected)
    return Failure{ECANCELED, "require_at"};
  return Unit{};
}

Result<Unit> require_absent(Blob bytes, Blob text) {
  if (bytes.find(text) != Blob::npos) return Failure{ECANCELED, "require_absent"};
  return Unit{};
}

Result<Unit> require_bits_clear(Blob bytes, uint32_t offset, uint64_t bits) {
  if (bytes.empty()) return Unit{};
  if (bytes.size() < 8 || offset > bytes.size() - 8) return Failure{EINVAL, "require_bits_clear"};
  if (wordAt(bytes, offset) & bits) return Failure{ECANCELED, "require_bits_clear"};
  return Unit{};
}

}  // namespace sys
