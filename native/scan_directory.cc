// Names, statx and extended attributes of entries, encoded as scan_directory.h says.
#include "scan_directory.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "outcome.h"
#include "proc_path.h"

namespace sys {
namespace {

// linux/fcntl.h, linux/stat.h; the numbers of Linux 6.13's calls are the same everywhere.
constexpr unsigned at_symlink_nofollow = 0x100, at_no_automount = 0x800, at_empty_path = 0x1000;
constexpr unsigned statx_mask = 0x7ff | 0x1000 | 0x4000;  // STATX_BASIC_STATS, _MNT_ID, _MNT_ID_UNIQUE
constexpr long number_getxattrat = 464, number_listxattrat = 465;

constexpr std::size_t statx_size = 256, statx_kept = 152;
// XATTR_SIZE_MAX, XATTR_LIST_MAX. The kernel clears as much as it is offered, so little is offered first.
constexpr std::size_t xattr_limit = 65536, xattr_usual = 512;

// What one entry may take: a hostile one has thousands of attributes of 64 kB.
constexpr std::size_t entry_limit = 16 << 20;

// struct linux_dirent64: inode, offset of the next entry, length of the record, type, name.
constexpr std::size_t dirent_offset = 8, dirent_length = 16, dirent_name = 19;

// struct xattr_args of linux/xattr.h.
struct XattrArguments {
  uint64_t value;
  uint32_t size, flags;
};

// Large, and left as it comes: clearing it costs more than most scans.
struct Buffers {
  char records[32768], list[xattr_limit], value[xattr_limit];
};

template <class T>
T at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

bool beginsWithOne(std::string_view name, Blob prefixes) {
  while (!prefixes.empty()) {
    std::size_t length = prefixes.find('\0');
    if (length == Blob::npos) return false;
    if (name.substr(0, length) == prefixes.substr(0, length)) return true;
    prefixes.remove_prefix(length + 1);
  }
  return false;
}

class Scan {
 public:
  Scan(FdArg dir, Blob prefixes) : dir_(dir), prefixes_(prefixes), buffers_(new Buffers) {
    put(nullptr, 2 * sizeof(uint32_t));
  }

  char* records() { return buffers_->records; }
  std::size_t size() const { return out_.size(); }
  uint32_t count() const { return count_; }

  void add(const char* name) {
    name_ = name;
    flags_ = at_symlink_nofollow | (*name ? 0 : at_empty_path);
    std::size_t start = out_.size();
    std::string_view text(name);
    char stat[statx_size];
    head_ = {};
    head_.name_length = static_cast<uint32_t>(text.size());
    bool known = syscall(SYS_statx, dir_.number, name, flags_ | at_no_automount, statx_mask, stat) == 0;
    if (!known) fail(scan_statx);
    put(nullptr, sizeof head_);
    put(known ? stat : nullptr, statx_kept);
    put(text.data(), text.size());
    if (known && !prefixes_.empty()) addXattrs();
    head_.length = static_cast<uint32_t>(out_.size() - start);
    std::memcpy(out_.data() + start, &head_, sizeof head_);
    ++count_;
  }

  void dropLast(std::size_t size) {
    out_.resize(size);
    --count_;
  }

  std::string take(bool ended) {
    const uint32_t words[] = {ended, count_};
    std::memcpy(out_.data(), words, sizeof words);
    return std::move(out_);
  }

 private:
  struct Head {
    uint32_t length, errnum, failed, name_length, xattrs;
  };

  // Appends bytes, or room for them, padded to whole words.
  __attribute__((noinline)) void put(const char* bytes, std::size_t size) {
    std::size_t end = out_.size();
    out_.resize((end + size + 3) & ~std::size_t{3});
    if (bytes) std::memcpy(out_.data() + end, bytes, size);
  }

  void fail(ScanStep step) {
    head_.errnum = static_cast<uint32_t>(errno);
    head_.failed = step;
  }

  // Where the calls that take a directory and a name are not to be had. EBADF: of an O_PATH descriptor itself. EPERM:
  // some filters refuse so what they do not know.
  const char* otherPath() {
    if (errno != ENOSYS && errno != EPERM && errno != EBADF) return nullptr;
    path_ = ProcPath(dir_).data();
    if (*name_) path_.append("/").append(name_);
    return path_.c_str();
  }

  // Each call is made again with all the room there may be when little was not enough.
  long list(std::size_t size = xattr_usual) {
    char* out = buffers_->list;
    long got = syscall(number_listxattrat, dir_.number, name_, flags_, out, size);
    if (got < 0)
      if (const char* path = otherPath())
        got = syscall(*name_ ? SYS_llistxattr : SYS_listxattr, path, out, size);
    return got < 0 && errno == ERANGE && size < xattr_limit ? list(xattr_limit) : got;
  }

  long get(const char* attribute, std::size_t size = xattr_usual) {
    char* out = buffers_->value;
    XattrArguments how{reinterpret_cast<uintptr_t>(out), static_cast<uint32_t>(size), 0};
    long got = syscall(number_getxattrat, dir_.number, name_, flags_, attribute, &how, sizeof how);
    if (got < 0)
      if (const char* path = otherPath())
        got = syscall(*name_ ? SYS_lgetxattr : SYS_getxattr, path, attribute, out, size);
    return got < 0 && errno == ERANGE && size < xattr_limit ? get(attribute, xattr_limit) : got;
  }

  void addXattrs() {
    long listed = list();
    // A filesystem without attributes has none.
    if (listed < 0 && errno != EOPNOTSUPP) fail(scan_listxattr);
    std::size_t start = out_.size();
    for (long from = 0; from < listed;) {
      std::string_view name(buffers_->list + from);
      from += static_cast<long>(name.size()) + 1;
      if (!beginsWithOne(name, prefixes_)) continue;
      long got = get(name.data());
      if (got >= 0 && out_.size() - start > entry_limit) {
        got = -1;
        errno = E2BIG;
      }
      if (got >= 0) {
        const uint32_t lengths[] = {static_cast<uint32_t>(name.size()), static_cast<uint32_t>(got)};
        put(reinterpret_cast<const char*>(lengths), sizeof lengths);
        put(name.data(), name.size());
        put(buffers_->value, static_cast<std::size_t>(got));
        ++head_.xattrs;
      } else if (errno != ENODATA) {
        // ENODATA: removed since it was listed.
        fail(scan_getxattr);
      }
    }
  }

  FdArg dir_;
  Blob prefixes_;
  std::unique_ptr<Buffers> buffers_;
  uint32_t count_ = 0;
  std::string out_;
  // Of the entry that is being added.
  const char* name_ = nullptr;
  unsigned flags_ = 0;
  Head head_ = {};
  std::string path_;
};

// off_t lseek(int fd, off_t offset, int whence), with 64 bits everywhere.
bool seek(FdArg dir, uint64_t offset) {
#ifdef SYS__llseek
  uint64_t reached;
  return syscall(SYS__llseek, dir.number, static_cast<unsigned long>(offset >> 32),
                 static_cast<unsigned long>(offset), &reached, SEEK_SET) >= 0;
#else
  return syscall(SYS_lseek, dir.number, static_cast<long>(offset), SEEK_SET) >= 0;
#endif
}

bool isDots(const char* name) { return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])); }

}  // namespace

Result<std::string> scan_directory(FdArg dir, Blob prefixes, uint32_t room) {
  const std::size_t limit = std::size_t{room} * sizeof(uint64_t);
  Scan scan(dir, prefixes);
  // An entry takes some six times as much room as its record; 2,048 bytes hold the longest names.
  std::size_t most = limit / 8;
  if (most < 2048) most = 2048;
  if (most > sizeof(Buffers::records)) most = sizeof(Buffers::records);
  uint64_t next = 0;
  for (;;) {
    long got = syscall(SYS_getdents64, dir.number, scan.records(), most);
    if (got < 0) return failed("getdents64");
    if (got == 0) return scan.take(true);
    for (const char* record = scan.records(); record < scan.records() + got;
         record += at<uint16_t>(record + dirent_length)) {
      const char* name = record + dirent_name;
      if (!isDots(name)) {
        std::size_t before = scan.size();
        scan.add(name);
        if (scan.size() > limit && scan.count() > 1) {
          scan.dropLast(before);
          // Back to where this one begins, which the one before has told.
          if (!seek(dir, next)) return failed("lseek");
          return scan.take(false);
        }
      }
      next = at<uint64_t>(record + dirent_offset);
    }
  }
}

Result<std::string> scan_entries(FdArg dir, Blob names, Blob prefixes, uint32_t room) {
  const std::size_t limit = std::size_t{room} * sizeof(uint64_t);
  Scan scan(dir, prefixes);
  while (!names.empty() && (scan.count() == 0 || scan.size() < limit)) {
    std::size_t length = names.find('\0');
    if (length == Blob::npos) return Failure{EINVAL, "scan_entries"};
    scan.add(names.data());
    names.remove_prefix(length + 1);
  }
  return scan.take(names.empty());
}

}  // namespace sys
