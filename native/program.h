// A program: a chain of calls run in one go, on one thread, where a later call may use what an earlier one gave.
//
// It exists because one pool job a call costs 12 to 70 µs beside a mount of 30 to 280 µs.
//
// Steps stand one behind the other, in words of 32 bits in the byte order of the host:
//   call (index into the table of calls) | flags << 8, then the arguments:
//   descriptor  a word; from 0x40000000 on: the descriptor that step (number - 0x40000000) gave
//   u32, u64    one word, two words
//   text        length, then the bytes and a NUL, padded to words; length 0xffffffff: NULL
//   blob        length, then the bytes, padded; length 0xfffffffe: a word more, the step whose bytes are meant
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "descriptor.h"
#include "result.h"
#include "values.h"

namespace sys {

enum StepFlags : uint8_t {
  keep_descriptor = 1,  // handed to the caller, not closed at the end
  want_bytes = 2,       // the bytes of the result are part of the output
  may_fail = 4,         // a failure becomes the value -errno and the program goes on
  keep_log = 8,         // the descriptor's messages are read and reported when a later step fails
};

// The one step that is no call of the table: ends a descriptor of `given` or of a step (argument: descriptor).
constexpr uint8_t close_given = 255;

struct StepResult {
  uint8_t flags = 0;
  int32_t value = 0;
  Fd fd;
  std::string bytes;
};

// An argument as it is read: the number of a descriptor or an integer, or bytes.
struct Operand {
  uint64_t number = 0;
  std::string_view bytes = {};
};
constexpr std::size_t most_operands = 8;

// Reads the arguments of one step; a malformed program makes `bad` true and nothing is called.
class Reader {
 public:
  Reader(std::string_view program, const std::vector<StepResult>& results)
      : at_(program.data()), end_(program.data() + program.size()), results_(results) {}
  bool done() const { return at_ == end_; }
  bool bad() const { return bad_; }

  template <class T>
  T number() {
    T value{};
    if (static_cast<std::size_t>(end_ - at_) < sizeof value) return fail(), value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  // One argument of the step, by its letter in the signature of the call (calls.h).
  Operand operand(char letter) {
    if (letter == 'f') return {static_cast<uint64_t>(descriptor()), {}};
    if (letter == 'u') return {number<uint32_t>(), {}};
    if (letter == 'q') return {number<uint64_t>(), {}};
    return {0, letter == 't' ? text() : blob()};
  }
  int descriptor() {
    int32_t value = number<int32_t>();
    if (value < step_base) return value;
    const StepResult* from = step(static_cast<uint32_t>(value - step_base));
    return from ? from->fd.get() : -1;
  }

 private:
  static constexpr int32_t step_base = 0x40000000;
  static constexpr uint32_t null_length = 0xffffffff, step_length = 0xfffffffe;

  void fail() {
    bad_ = true;
    at_ = end_;
  }
  const StepResult* step(uint32_t index) {
    if (index < results_.size()) return &results_[index];
    fail();
    return nullptr;
  }
  // `length` bytes, and what pads `length + terminator` to whole words.
  std::string_view bytes(uint32_t length, uint32_t terminator) {
    if (static_cast<std::size_t>(end_ - at_) < length) return fail(), std::string_view{};
    std::size_t padded = (static_cast<std::size_t>(length) + terminator + 3) & ~std::size_t{3};
    if (static_cast<std::size_t>(end_ - at_) < padded) return fail(), std::string_view{};
    std::string_view view(at_, length);
    at_ += padded;
    return view;
  }

  // Ends with a NUL and contains none; what NULL stands for has no data.
  std::string_view text() {
    auto length = number<uint32_t>();
    if (length == null_length) return {};
    std::string_view text = bytes(length, 1);
    // Where it fails, the view is empty and borrows nothing.
    if (bad_ || text.data()[length] != '\0' || text.find('\0') != std::string_view::npos)
      return fail(), std::string_view{};
    return text;
  }
  std::string_view blob() {
    auto length = number<uint32_t>();
    if (length != step_length) return bytes(length, 0);
    const StepResult* from = step(number<uint32_t>());
    return from ? std::string_view(from->bytes) : std::string_view{};
  }

  const char* at_;
  const char* end_;
  const std::vector<StepResult>& results_;
  bool bad_ = false;
};

// Where a program runs: `child` may leave namespaces (namespace_child.h).
enum class Place : uint8_t { here, child };

// A program with what it was given, and what came of it.
struct ProgramRun {
  // Borrowed.
  std::string_view program;
  // Descriptors of the caller that the step `close` may end before the program does.
  std::vector<Fd> given;

  // Of each step that has ended.
  std::vector<StepResult> results;

  // The failed call, or none; which step it was, and what the kernel wrote into the file-system context before it.
  Failure failure{ECANCELED, "program"};
  uint32_t step = 0;
  std::string log;

  // An i32 a step (value, or descriptor when kept, or offset of its bytes in the output), then the wanted bytes, each
  // behind its u32 length.
  std::string output;
  std::vector<Fd> kept;

  // For guardian.h: the program came to its end in the process that it ran in; what that has become; the socket.
  bool ended = false;
  int pid = 0;
  Fd socket;

  bool ok() const { return failure.syscall == nullptr; }
  // Makes the calls, up to the first that fails.
  void makeCalls(Place place);
  // Hands over what is to be kept, and closes the rest.
  void settle();
  void append(uint32_t word);
};

void runProgram(ProgramRun& run);

}  // namespace sys
