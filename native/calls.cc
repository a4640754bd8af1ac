// The table of all calls.
#include "calls.h"

#include <exception>
#include <utility>

#include "ancestry.h"
#include "checks.h"
#include "file_calls.h"
#include "list_in_time.h"
#include "mount_calls.h"
#include "namespace_child.h"
#include "process_calls.h"
#include "scan_directory.h"
#include "xattr_calls.h"

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

template <class T>
T operand(const Operand& given);
template <>
FdArg operand(const Operand& given) {
  return {static_cast<int>(given.number)};
}
template <>
uint32_t operand(const Operand& given) {
  return static_cast<uint32_t>(given.number);
}
template <>
uint64_t operand(const Operand& given) {
  return given.number;
}
template <>
Text operand(const Operand& given) {
  return {given.bytes.data(), given.bytes.size()};
}
template <>
Blob operand(const Operand& given) {
  return given.bytes;
}

// Once for each type of result, not in every row: the rows are most of the code.
Result<Unit> settle(Result<Unit> result, StepResult&) { return result; }
[[gnu::noinline]] Result<Unit> settle(Result<Fd> result, StepResult& step) {
  if (!result.ok()) return result.failure();
  step.fd = std::move(result.value());
  return Unit{};
}
[[gnu::noinline]] Result<Unit> settle(Result<std::string> result, StepResult& step) {
  if (!result.ok()) return result.failure();
  step.bytes = std::move(result.value());
  return Unit{};
}

template <auto call>
struct Row;

template <class T, class... Args, Result<T> (*call)(Args...)>
struct Row<call> {
  static_assert(sizeof...(Args) <= most_operands);
  static constexpr char signature[] = {letter<Args>..., '\0'};
  static constexpr char gives = letter<T>;

  static Result<Unit> run(const Operand* operands, StepResult& step) {
    return apply(operands, step, std::index_sequence_for<Args...>{});
  }
  template <std::size_t... I>
  static Result<Unit> apply(const Operand* operands, StepResult& step, std::index_sequence<I...>) {
    return settle(call(operand<Args>(operands[I])...), step);
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
    row<quotactl_fd>("quotactl_fd"),
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
    row<symlinkat>("symlinkat"),
    row<linkat>("linkat"),
    row<unlinkat>("unlinkat"),
    row<renameat2>("renameat2"),
    row<fchmodat>("fchmodat"),
    row<fchownat>("fchownat"),
    row<syncfs>("syncfs"),
    row<fchownat_of>("fchownat_of"),
    row<fchmodat_of>("fchmodat_of"),
    row<utimensat_of>("utimensat_of"),
    row<getxattr>("getxattr"),
    row<listxattr>("listxattr"),
    row<setxattr>("setxattr"),
    row<removexattr>("removexattr"),
    row<name_to_handle_at>("name_to_handle_at"),
    row<dup3>("dup3"),
    row<list_in_time>("list_in_time"),
    row<pipe2>("pipe2"),
    row<chdir>("chdir", true),
    row<unshare>("unshare", true),
    row<setns>("setns", true),
    row<execve>("execve", true),
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
    Operand operands[most_operands];
    for (std::size_t i = 0; signature[i] != '\0'; ++i) operands[i] = reader.operand(signature[i]);
    if (reader.bad()) return Failure{EBADMSG, "program"};
    return body(operands, step);
  } catch (const std::exception&) {
    // A buffer larger than there is memory.
    return Failure{ENOMEM, "program"};
  }
}

}  // namespace sys
