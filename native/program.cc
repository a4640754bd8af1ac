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

}  // namespace

void ProgramRun::append(uint32_t word) { output.append(reinterpret_cast<const char*>(&word), sizeof word); }

void ProgramRun::makeCalls(Place place) {
  // Of most programs all.
  results.reserve(48);
  Reader reader(program, results);
  int context = -1;
  while (!reader.done()) {
    auto head = reader.number<uint32_t>();
    auto call = head & 0xff;
    StepResult made;
    made.flags = static_cast<uint8_t>(head >> 8);
    Result<Unit> outcome = Unit{};
    if (call == close_given) {
      int number = reader.descriptor();
      for (Fd& fd : given)
        if (fd.get() == number) fd.reset();
      for (std::size_t i = results.size(); number >= 0 && i-- > 0;)
        if (results[i].fd.get() == number) results[i].fd.reset();
    } else if (call < calls().size() && (place == Place::child || !calls()[call].only_in_child)) {
      outcome = calls()[call].run(reader, made);
    } else {
      outcome = Failure{EBADMSG, "program"};
    }
    if (!outcome.ok()) {
      made.value = -outcome.failure().errnum;
      // A malformed step is no failed call.
      if (!(made.flags & may_fail) || made.value == -EBADMSG) {
        failure = outcome.failure();
        step = static_cast<uint32_t>(results.size());
        if (context >= 0) log = messages(context);
        return;
      }
    }
    if (made.flags & keep_log) context = made.fd.get();
    results.push_back(std::move(made));
  }
  failure = {0, nullptr};
}

void ProgramRun::settle() {
  if (ok()) {
    std::size_t size = results.size() * sizeof(uint32_t);
    for (const StepResult& made : results)
      if (made.value == 0 && (made.flags & want_bytes)) size += sizeof(uint32_t) + made.bytes.size();
    output.reserve(size + 3 * sizeof(uint32_t));
    auto offset = static_cast<uint32_t>(results.size() * sizeof(uint32_t));
    for (StepResult& made : results) {
      auto word = static_cast<uint32_t>(made.value);
      if (made.value == 0 && (made.flags & keep_descriptor)) {
        word = static_cast<uint32_t>(made.fd.get());
        kept.push_back(std::move(made.fd));
      } else if (made.value == 0 && (made.flags & want_bytes)) {
        word = offset;
        offset += static_cast<uint32_t>(sizeof(uint32_t) + made.bytes.size());
      }
      append(word);
    }
    for (const StepResult& made : results)
      if (made.value == 0 && (made.flags & want_bytes)) {
        append(static_cast<uint32_t>(made.bytes.size()));
        output += made.bytes;
      }
    // Here and not on the JavaScript thread: closing a detached mount unmounts it.
    given.clear();
  }
  results.clear();
}

void runProgram(ProgramRun& run) {
  run.makeCalls(Place::here);
  run.settle();
}

}  // namespace sys
