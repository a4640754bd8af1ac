// Runs a program of calls, and gives back nothing half-done: what was opened and not kept is closed.
#include "program.h"

#include "calls.h"

namespace sys {
namespace {

// What the kernel wrote into a file-system context: one message a read, ENODATA when there is no more (fsopen(2)).
std::string messages(int context) {
  std::string log;
  char line[512];
  for (int left = 32; left > 0; --left) {
    long got = syscall(SYS_read, context, line, sizeof line);
    if (got <= 0) break;
    log.append(line, static_cast<std::size_t>(got));
    if (log.back() != '\n') log.push_back('\n');
  }
  return log;
}

void append(std::string& output, uint32_t word) {
  output.append(reinterpret_cast<const char*>(&word), sizeof word);
}

}  // namespace

Result<std::string> runProgram(std::string_view program, std::vector<Fd>& given, std::vector<Fd>& kept,
                               std::string& log, Place place) {
  std::vector<StepResult> results;
  results.reserve(16);
  std::vector<uint8_t> flags;
  Reader reader(program, results);
  int context = -1;
  while (!reader.done()) {
    auto head = reader.number<uint32_t>();
    auto call = head & 0xff;
    flags.push_back(static_cast<uint8_t>(head >> 8));
    StepResult step;
    Result<Unit> outcome = Unit{};
    if (call == close_given) {
      int number = reader.descriptor();
      for (Fd& fd : given)
        if (fd.get() == number) fd.reset();
      for (std::size_t i = results.size(); number >= 0 && i-- > 0;)
        if (results[i].fd.get() == number) results[i].fd.reset();
    } else if (call < calls().size() && (place == Place::child || !calls()[call].only_in_child)) {
      outcome = calls()[call].run(reader, step);
    } else {
      outcome = Failure{EBADMSG, "program"};
    }
    if (!outcome.ok()) {
      Failure& failure = outcome.failure();
      // A malformed step is no failed call.
      if (!(flags.back() & may_fail) || failure.errnum == EBADMSG) {
        failure.step = static_cast<int>(results.size());
        if (context >= 0) log = messages(context);
        return failure;
      }
      step.value = -failure.errnum;
    }
    if (flags.back() & keep_log) context = step.fd.get();
    results.push_back(std::move(step));
  }

  std::string output;
  uint32_t offset = static_cast<uint32_t>(results.size() * sizeof(uint32_t));
  for (std::size_t i = 0; i < results.size(); ++i) {
    StepResult& step = results[i];
    if (step.value == 0 && (flags[i] & keep_descriptor)) {
      append(output, static_cast<uint32_t>(step.fd.get()));
      kept.push_back(std::move(step.fd));
    } else if (step.value == 0 && (flags[i] & want_bytes)) {
      append(output, offset);
      offset += static_cast<uint32_t>(sizeof(uint32_t) + step.bytes.size());
    } else {
      append(output, static_cast<uint32_t>(step.value));
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i].value == 0 && (flags[i] & want_bytes)) {
      append(output, static_cast<uint32_t>(results[i].bytes.size()));
      output += results[i].bytes;
    }
  return output;
}

}  // namespace sys
