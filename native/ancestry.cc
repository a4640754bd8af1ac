// Follows ".." by statx(2), which costs the same for one level and for many, and opens nothing.
#include "ancestry.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <cstring>

#include "descriptor.h"
#include "outcome.h"

namespace sys {
namespace {

constexpr std::size_t identity_size = 16;

// What of struct statx (linux/stat.h) tells where a directory lies.
struct Place {
  char identity[identity_size];  // stx_ino; stx_dev_major and stx_dev_minor
  uint64_t mount;                // 0 before Linux 5.8
  bool directory;
};

bool look(int dir, const char* path, unsigned flags, Place& place) {
  char buffer[256];
  constexpr unsigned type_inode_mount = 0x1 | 0x100 | 0x1000;
  if (syscall(SYS_statx, dir, path, flags, type_inode_mount, buffer) < 0) return false;
  uint16_t mode;
  std::memcpy(&mode, buffer + 28, sizeof mode);
  std::memcpy(place.identity, buffer + 32, 8);
  std::memcpy(place.identity + 8, buffer + 136, 8);
  std::memcpy(&place.mount, buffer + 144, sizeof place.mount);
  place.directory = (mode & 0170000) == 0040000;
  return true;
}

bool holds(Blob identities, const char* wanted) {
  for (std::size_t i = 0; i + identity_size <= identities.size(); i += identity_size)
    if (std::memcmp(identities.data() + i, wanted, identity_size) == 0) return true;
  return false;
}

bool disjoint(Blob some, Blob others) {
  for (std::size_t i = 0; i + identity_size <= some.size(); i += identity_size)
    if (holds(others, some.data() + i)) return false;
  return true;
}

// Where ids of mounts are missing, another device has to do.
bool sameMount(const Place& a, const Place& b) {
  if (a.mount != 0) return a.mount == b.mount;
  return std::memcmp(a.identity + 8, b.identity + 8, 8) == 0;
}

// Appends to `out` what is `here`, which `path` (from `dir`) names, and what is above it, up to one of `known`.
void climb(int dir, std::string path, Place here, Blob known, std::string& out) {
  Fd base;
  for (int level = 1; !holds(known, here.identity); ++level) {
    out.append(here.identity, identity_size);
    path += path.empty() ? ".." : "/..";
    Place above;
    if (!look(dir, path.c_str(), 0, above) || !sameMount(here, above) ||
        std::memcmp(here.identity, above.identity, identity_size) == 0)
      return;
    here = above;
    // So that the path stays short, however deep the directory lies.
    if (level % 64 != 0) continue;
    Fd next(static_cast<int>(syscall(SYS_openat, dir, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0)));
    if (next.get() < 0) return;
    base = std::move(next);
    dir = base.get();
    path.clear();
  }
}

// A directory that held one of the paths, where all of `around` is elsewhere.
struct Parent {
  Blob path;
  Fd dir;
  Place place;
};

// Whether the last name of `path` is a directory right in `parent`: neither a link nor a mount.
bool liesRightIn(const Parent& parent, Blob path, std::size_t slash, Place& place) {
  if (parent.dir.get() < 0 || path.substr(0, slash) != parent.path) return false;
  Blob name = path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return false;
  return look(parent.dir.get(), name.data(), AT_SYMLINK_NOFOLLOW, place) && place.directory &&
         sameMount(parent.place, place);
}

// By its path, since where a path ends in a link, what is above it is something else.
void enter(Parent& parent, Blob path, std::size_t slash, Blob outside, Blob around) {
  parent.path = path.substr(0, slash);
  std::string text(path.substr(0, slash == 0 ? 1 : slash));
  parent.dir =
      Fd(static_cast<int>(syscall(SYS_openat, AT_FDCWD, text.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0)));
  if (!look(parent.dir.get(), "", AT_EMPTY_PATH, parent.place)) return parent.dir.reset();
  std::string chain;
  climb(parent.dir.get(), "", parent.place, outside, chain);
  if (!disjoint(chain, around)) parent.dir.reset();
}

}  // namespace

Result<std::string> ancestors(FdArg dir, Blob before) {
  Place here;
  if (!look(dir.number, "", AT_EMPTY_PATH, here)) return failed("ancestors");
  std::string out(before);
  climb(dir.number, "", here, before, out);
  return out;
}

Result<Unit> require_disjoint(Blob some, Blob others) {
  if (!disjoint(some, others)) return Failure{ECANCELED, "require_disjoint"};
  return Unit{};
}

Result<Unit> require_outside(Blob paths, Blob never, Blob around) {
  if (paths.empty() || paths.back() != '\0') return Failure{EINVAL, "require_outside"};
  const Failure refused{ECANCELED, "require_outside"};
  Parent parent;
  std::string outside;  // what is above the first of the paths
  while (!paths.empty()) {
    Blob path = paths.substr(0, paths.find('\0'));
    paths.remove_prefix(path.size() + 1);
    std::size_t slash = path.rfind('/');
    Place place;
    if (slash != Blob::npos && liesRightIn(parent, path, slash, place)) {
      if (holds(never, place.identity) || holds(around, place.identity)) return refused;
      continue;
    }
    if (!look(AT_FDCWD, path.data(), 0, place)) continue;
    if (holds(never, place.identity)) return refused;
    if (around.empty()) continue;
    std::string chain;
    climb(AT_FDCWD, std::string(path), place, outside, chain);
    if (!disjoint(chain, around)) return refused;
    if (outside.empty()) outside = chain;
    // Where the next one lies beside it.
    if (slash != Blob::npos && paths.substr(0, slash + 1) == path.substr(0, slash + 1))
      enter(parent, path, slash, outside, around);
  }
  return Unit{};
}

}  // namespace sys
