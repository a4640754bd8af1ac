// The table of all calls.
#include "calls.h"

#include <exception>
#include <tuple>

#include "ancestry.h"
#include "checks.h"
#include "file_calls.h"
#include "mount_calls.h"
#include "namespace_child.h"
#include "scan_directory.h"

namespace sys {
namespace {

template <class T>
constexpr char letter = '?';
template <>
constexpr char letter<Unit> = 'n';
template <>
constexpr char letter<Fd> = 'f';
template <>
constexpr char letter<std::string> = 'b';
template <>
constexpr char letter<FdArg> = 'f';
template <>
constexpr char letter<uint32_t> = 'u';
template <>
constexpr char letter<uint64_t> = 'q';
template <>
constexpr char letter<Text> = 't';
template <>
constexpr char letter<Blob> = 'b';

void store(StepResult&, Unit) {}
void store(StepResult& step, Fd& fd) { step.fd = std::move(fd); }
void store(StepResult& step, std::string& bytes) { step.bytes = std::move(bytes); }

// Once for each type of result, not in every row: the rows are most of the code.
template <class T>
[[gnu::noinline]] Result<Unit> settle(Result<T> result, StepResult& step) {
  if (!result.ok()) return result.failure();
  store(step, result.value());
  return Unit{};
}

template <auto call>
struct Row;

template <class T, class... Args, Result<T> (*call)(Args...)>
struct Row<call> {
  static constexpr char signature[] = {letter<Args>..., '\0'};
  static constexpr char gives = letter<T>;

  static Result<Unit> run(Reader& reader, StepResult& step) {
    // Braces: the arguments are read from left to right.
    std::tuple<Args...> arguments{reader.argument<Args>()...};
    if (reader.bad()) return Failure{EBADMSG, "program"};
    return settle(std::apply(call, arguments), step);
  }
};

template <auto call>
constexpr Call row(const char* name, bool only_in_child = false) {
  return {name, Row<call>::signature, Row<call>::gives, only_in_child, &Row<call>::run};
}

constexpr Call table[] = {
    row<fsopen>("fsopen"),
    row<fspick>("fspick"),
    row<fsconfig_set_flag>("fsconfig_set_flag"),
    row<fsconfig_set_string>("fsconfig_set_string"),
    row<fsconfig_set_fd>("fsconfig_set_fd"),
    row<fsconfig_create>("fsconfig_create"),
    row<fsconfig_reconfigure>("fsconfig_reconfigure"),
    row<fsmount>("fsmount"),
    row<move_mount>("move_mount"),
    row<open_tree>("open_tree"),
    row<mount_setattr>("mount_setattr"),
    row<mount>("mount"),
    row<umount2>("umount2"),
    row<statmount>("statmount"),
    row<listmount>("listmount"),
    row<openat>("openat"),
    row<openat2>("openat2"),
    row<read>("read"),
    row<write>("write"),
    row<getdents64>("getdents64"),
    row<readlinkat>("readlinkat"),
    row<statx>("statx"),
    row<fstatfs>("fstatfs"),
    row<poll>("poll"),
    row<lseek>("lseek"),
    row<flock>("flock"),
    row<ioctl>("ioctl"),
    row<mkdirat>("mkdirat"),
    row<mknodat>("mknodat"),
    row<unlinkat>("unlinkat"),
    row<renameat2>("renameat2"),
    row<fchmodat>("fchmodat"),
    row<fchownat>("fchownat"),
    row<utimensat>("utimensat"),
    row<syncfs>("syncfs"),
    row<fchownat_of>("fchownat_of"),
    row<fchmodat_of>("fchmodat_of"),
    row<getxattr>("getxattr"),
    row<listxattr>("listxattr"),
    row<setxattr>("setxattr"),
    row<removexattr>("removexattr"),
    row<name_to_handle_at>("name_to_handle_at"),
    row<dup3>("dup3"),
    row<unshare>("unshare", true),
    row<setns>("setns", true),
    row<scan_directory>("scan_directory"),
    row<scan_entries>("scan_entries"),
    row<require_subset>("require_subset"),
    row<require_other_file>("require_other_file"),
    row<require_at>("require_at"),
    row<require_absent>("require_absent"),
    row<require_bits_clear>("require_bits_clear"),
    row<ancestors>("ancestors"),
    row<require_disjoint>("require_disjoint"),
    row<require_outside>("require_outside"),
};

}  // namespace

std::span<const Call> calls() { return table; }

// Here and not in each row, where it would take as much room as the rest.
Result<Unit> Call::run(Reader& reader, StepResult& step) const {
  try {
    return body(reader, step);
  } catch (const std::exception&) {
    // A buffer larger than there is memory.
    return Failure{ENOMEM, "program"};
  }
}

}  // namespace sys
