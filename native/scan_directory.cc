// Names, statx and extended attributes of entries, encoded as scan_directory.h says.
#include "scan_directory.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

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

struct Head {
  uint32_t length, errnum, failed, name_length, xattrs, unused;
};

template <class T>
T at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

void append(std::string& out, uint32_t word) {
  out.append(reinterpret_cast<const char*>(&word), sizeof word);
}

bool wanted(const char* name, Blob prefixes) {
  while (!prefixes.empty()) {
    std::size_t length = prefixes.find('\0');
    if (length == Blob::npos) return false;
    if (std::strncmp(name, prefixes.data(), length) == 0) return true;
    prefixes.remove_prefix(length + 1);
  }
  return false;
}

// One file, by the calls that take a directory and a name, or by a path of /proc where the kernel has none of those.
class Subject {
 public:
  Subject(FdArg dir, const char* name) : dir_(dir), name_(name) {}

  unsigned flags() const { return at_symlink_nofollow | (*name_ ? 0 : at_empty_path); }

  long list(char* list, std::size_t size) {
    long got = syscall(number_listxattrat, dir_.number, name_, flags(), list, size);
    if (got >= 0 || !refused()) return got;
    return syscall(*name_ ? SYS_llistxattr : SYS_listxattr, path(), list, size);
  }

  long get(const char* attribute, char* value, std::size_t size) {
    XattrArguments arguments{reinterpret_cast<uintptr_t>(value), static_cast<uint32_t>(size), 0};
    long got =
        syscall(number_getxattrat, dir_.number, name_, flags(), attribute, &arguments, sizeof arguments);
    if (got >= 0 || !refused()) return got;
    return syscall(*name_ ? SYS_lgetxattr : SYS_getxattr, path(), attribute, value, size);
  }

 private:
  // EBADF: of an O_PATH descriptor itself. EPERM: some filters refuse so what they do not know.
  static bool refused() { return errno == ENOSYS || errno == EPERM || errno == EBADF; }

  const char* path() {
    if (path_.empty()) {
      path_ = ProcPath(dir_).data();
      if (*name_) path_.append("/").append(name_);
    }
    return path_.c_str();
  }

  FdArg dir_;
  const char* name_;
  std::string path_;
};

// Calls read(buffer, size), again with all the room there may be when little was not enough.
template <class Read>
long readInto(std::string& buffer, Read read) {
  buffer.resize(xattr_usual);
  long got = read(buffer.data(), buffer.size());
  if (got < 0 && errno == ERANGE) {
    buffer.resize(xattr_limit);
    got = read(buffer.data(), buffer.size());
  }
  return got;
}

class Scan {
 public:
  Scan(FdArg dir, Blob prefixes) : dir_(dir), prefixes_(prefixes) { out_.resize(2 * sizeof(uint32_t)); }

  std::size_t size() const { return out_.size(); }
  uint32_t count() const { return count_; }

  void add(const char* name) {
    std::size_t start = out_.size();
    head_ = {};
    head_.name_length = static_cast<uint32_t>(std::strlen(name));
    char stat[statx_size] = {};
    Subject subject(dir_, name);
    lengths_.clear();
    attributes_.clear();
    if (syscall(SYS_statx, dir_.number, name, subject.flags() | at_no_automount, statx_mask, stat) < 0)
      fail(scan_statx);
    else if (!prefixes_.empty())
      addXattrs(subject);
    out_.append(sizeof head_, '\0').append(stat, statx_kept).append(lengths_);
    out_.append(name, head_.name_length).append(attributes_);
    out_.resize((out_.size() + 7) & ~std::size_t{7});
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
  void fail(ScanStep step) {
    head_.errnum = static_cast<uint32_t>(errno);
    head_.failed = step;
  }

  void addXattrs(Subject& subject) {
    long listed = readInto(list_, [&](char* out, std::size_t size) { return subject.list(out, size); });
    if (listed < 0) {
      // A filesystem without attributes has none.
      if (errno != EOPNOTSUPP) fail(scan_listxattr);
      return;
    }
    const char* end = list_.data() + listed;
    for (const char* name = list_.data(); name < end; name += std::strlen(name) + 1)
      if (wanted(name, prefixes_)) addXattr(subject, name);
  }

  void addXattr(Subject& subject, const char* name) {
    if (attributes_.size() > entry_limit) {
      errno = E2BIG;
      return fail(scan_getxattr);
    }
    long got = readInto(value_, [&](char* out, std::size_t size) { return subject.get(name, out, size); });
    if (got < 0) {
      // Removed since it was listed.
      if (errno != ENODATA) fail(scan_getxattr);
      return;
    }
    append(lengths_, static_cast<uint32_t>(std::strlen(name)));
    append(lengths_, static_cast<uint32_t>(got));
    attributes_.append(name).append(value_.data(), static_cast<std::size_t>(got));
    ++head_.xattrs;
  }

  FdArg dir_;
  Blob prefixes_;
  uint32_t count_ = 0;
  Head head_;
  // Kept between entries for their memory.
  std::string out_, list_, value_, lengths_, attributes_;
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
  // An entry takes some six times as much room as its record; 4,096 bytes hold the longest names.
  std::string records(limit / 8 < 4096 ? 4096 : limit / 8 > 32768 ? 32768 : limit / 8, '\0');
  uint64_t next = 0;
  for (;;) {
    long got = syscall(SYS_getdents64, dir.number, records.data(), records.size());
    if (got < 0) return failed("getdents64");
    if (got == 0) return scan.take(true);
    for (const char* record = records.data(); record < records.data() + got;
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

Result<std::string> scan_entry(FdArg dir, Text name, Blob prefixes) {
  if (name.data == nullptr) return Failure{EFAULT, "statx"};
  Scan scan(dir, prefixes);
  scan.add(name.data);
  return scan.take(true);
}

}  // namespace sys
