// Gives calls and programs to JavaScript: one job type, whose work is written once for both forms.
#include "exports.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "encode.h"
#include "guardian.h"
#include "namespace_child.h"
#include "owned.h"

namespace sys {
namespace {

Napi::Value bytesToJs(Napi::Env env, const std::string& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

// `step` is the place in a program of calls; `log` is what the kernel wrote into the file-system context before.
Napi::Value failureToJs(Napi::Env env, const Failure& failure, uint32_t step, const std::string& log) {
  auto object = Napi::Object::New(env);
  object.Set("errno", failure.errnum);
  object.Set("syscall", failure.syscall);
  object.Set("step", step);
  object.Set("log", bytesToJs(env, log));
  return object;
}

// run() may be on any thread and touches no JavaScript; finish() is on the JavaScript thread. `output` is what the
// caller gave to be written to, if anything.
class Job {
 public:
  virtual ~Job() = default;
  virtual void run() = 0;
  virtual Napi::Value finish(Napi::Env env, Napi::Value output) = 0;
};

// A call by itself: a program of one step that leaves its result as it is.
class CallJob final : public Job {
 public:
  CallJob(const Napi::CallbackInfo& info, const Call& call)
      : call_(call), arguments_(encode(info, call.signature)) {}
  void run() override {
    std::vector<StepResult> none;
    Reader reader(arguments_, none);
    outcome_ = call_.run(reader, result_);
  }
  Napi::Value finish(Napi::Env env, Napi::Value) override {
    if (!outcome_.ok()) return failureToJs(env, outcome_.failure(), 0, {});
    if (call_.gives == 'f') return Napi::Number::New(env, owned(env).adopt(std::move(result_.fd)));
    if (call_.gives == 'b') return bytesToJs(env, result_.bytes);
    return env.Undefined();
  }

 private:
  const Call& call_;
  std::string arguments_;
  StepResult result_;
  Result<Unit> outcome_ = Failure{ECANCELED, "program"};
};

struct Bytes {
  char* data;
  std::size_t size;
};

// False when it is something else. By the call itself: node-addon-api makes several, which is a part of a mount's price.
bool isBytes(Napi::Value value, Bytes& bytes) {
  napi_typedarray_type type;
  void* data;
  if (napi_get_typedarray_info(value.Env(), value, &type, &bytes.size, &data, nullptr, nullptr) != napi_ok)
    return false;
  bytes.data = static_cast<char*>(data);
  return type == napi_uint8_array;
}

using RunProgram = void (*)(ProgramRun&);

// run(program, size, output, given): the number of bytes for `output`, which are written there if it is not empty, or the
// failure.
class ProgramJob final : public Job {
 public:
  // `later`: the caller may have written something else by the time that it runs.
  ProgramJob(const Napi::CallbackInfo& info, RunProgram run, bool later) : call_(run) {
    Bytes program, output;
    if (!isBytes(info[0], program) || !info[1].IsNumber() || !isBytes(info[2], output) || !info[3].IsArray())
      throw Napi::TypeError::New(info.Env(), "runProgram takes a program, its size, an output and an array");
    int64_t size = info[1].As<Napi::Number>().Int64Value();
    if (size < 0 || static_cast<uint64_t>(size) > program.size)
      throw Napi::RangeError::New(info.Env(), "the program is not as long as that");
    run_.program = {program.data, static_cast<std::size_t>(size)};
    if (later) run_.program = copy_ = run_.program;
    auto given = info[3].As<Napi::Array>();
    std::vector<int> numbers;
    for (uint32_t i = 0, count = given.Length(); i < count; ++i) {
      Napi::Value number = given.Get(i);
      if (!number.IsNumber()) throw Napi::TypeError::New(info.Env(), "what is given must be descriptors");
      numbers.push_back(number.As<Napi::Number>().Int32Value());
    }
    // Only now: what is taken over is closed when a later one is refused.
    if (numbers.empty()) return;
    Owned& ours = owned(info.Env());
    for (int number : numbers) run_.given.emplace_back(ours.release(number));
  }
  void run() override { call_(run_); }
  Napi::Value finish(Napi::Env env, Napi::Value value) override {
    Bytes output;
    const std::string& got = run_.output;
    if (run_.ok() && (!isBytes(value, output) || (output.size > 0 && got.size() > output.size)))
      run_.failure = {EMSGSIZE, "program"};
    // A failed program leaves the caller what it gave, except what a step closed.
    Owned& ours = owned(env);
    for (Fd& fd : run_.given)
      if (fd.get() >= 0) ours.adopt(std::move(fd));
    if (!run_.ok()) return failureToJs(env, run_.failure, run_.step, run_.log);
    for (Fd& fd : run_.kept) ours.adopt(std::move(fd));
    run_.socket.release();
    if (output.size > 0) std::memcpy(output.data, got.data(), got.size());
    return Napi::Number::New(env, static_cast<double>(got.size()));
  }

 private:
  RunProgram call_;
  std::string copy_;
  ProgramRun run_;
};

class Worker final : public Napi::AsyncWorker {
 public:
  Worker(Napi::Env env, std::unique_ptr<Job> job, Napi::Value output)
      : AsyncWorker(env), deferred_(env), job_(std::move(job)) {
    if (output.IsObject()) output_ = Napi::Persistent(output.As<Napi::Object>());
  }
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { job_->run(); }
  void OnOK() override {
    Napi::Value output = output_.IsEmpty() ? Env().Undefined() : Napi::Value(output_.Value());
    deferred_.Resolve(job_->finish(Env(), output));
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::unique_ptr<Job> job_;
  Napi::ObjectReference output_;
};

Napi::Value now(Napi::Env env, Job& job, Napi::Value output) {
  job.run();
  return job.finish(env, output);
}

Napi::Value later(Napi::Env env, std::unique_ptr<Job> job, Napi::Value output) {
  auto* worker = new Worker(env, std::move(job), output);
  auto promise = worker->promise();
  worker->Queue();
  return promise;
}

const Call& callOf(const Napi::CallbackInfo& info) { return *static_cast<const Call*>(info.Data()); }

Napi::Value callAsync(const Napi::CallbackInfo& info) {
  return later(info.Env(), std::make_unique<CallJob>(info, callOf(info)), info.Env().Undefined());
}

Napi::Value callSync(const Napi::CallbackInfo& info) {
  CallJob job(info, callOf(info));
  return now(info.Env(), job, info.Env().Undefined());
}

// functionOf(name): the call of that name, or with "Sync" behind it; undefined for what is none by itself. Made when it is
// asked for, since to make all of them is a third of what it takes to load the addon.
Napi::Value functionOf(const Napi::CallbackInfo& info) {
  std::string name = info[0].ToString();
  for (const Call& call : calls()) {
    if (call.only_in_child) continue;
    bool later = name == call.name;
    if (!later && name != std::string(call.name) + "Sync") continue;
    return Napi::Function::New(info.Env(), later ? callAsync : callSync, name, const_cast<Call*>(&call));
  }
  return info.Env().Undefined();
}

template <RunProgram run>
Napi::Value programAsync(const Napi::CallbackInfo& info) {
  return later(info.Env(), std::make_unique<ProgramJob>(info, run, true), info[2]);
}

template <RunProgram run>
Napi::Value programSync(const Napi::CallbackInfo& info) {
  ProgramJob job(info, run, false);
  return now(info.Env(), job, info[2]);
}

using Callback = Napi::Value (*)(const Napi::CallbackInfo&);

void add(Napi::Env env, Napi::Object exports, const std::string& name, Callback callback, const Call* call) {
  exports.Set(name, Napi::Function::New(env, callback, name, const_cast<Call*>(call)));
}

}  // namespace

void exportCalls(Napi::Env env, Napi::Object exports) {
  add(env, exports, "functionOf", functionOf, nullptr);
}

void exportPrograms(Napi::Env env, Napi::Object exports) {
  add(env, exports, "runProgram", programAsync<runProgram>, nullptr);
  add(env, exports, "runProgramSync", programSync<runProgram>, nullptr);
  add(env, exports, "runProgramInChild", programAsync<runProgramInChild>, nullptr);
  add(env, exports, "runProgramInChildSync", programSync<runProgramInChild>, nullptr);
  add(env, exports, "runProgramApart", programAsync<runProgramApart>, nullptr);
}

}  // namespace sys
