// The addon: the calls of the table alone, programs of them, and the digest of the sources it was built from.
#include <napi.h>

#include "exports.h"
#include "owned.h"

#ifndef OVERLAYFS_SOURCE_DIGEST
#define OVERLAYFS_SOURCE_DIGEST "unknown"
#endif

namespace {

// close(fd): false when the number was not given out by this addon.
Napi::Value close(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "argument 0 must be a descriptor");
  double number = info[0].As<Napi::Number>().DoubleValue();
  // Not by conversion alone, which takes 4294967299 for 3.
  bool possible = number >= 0 && number <= INT32_MAX && number == static_cast<int32_t>(number);
  return Napi::Boolean::New(info.Env(), possible && sys::owned(info.Env()).close(static_cast<int>(number)));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new sys::Owned);
  auto table = Napi::Object::New(env);
  // The number of a call is its place: a table of objects takes a tenth of a millisecond to make.
  for (const sys::Call& call : sys::calls()) table.Set(call.name, call.signature);
  exports.Set("calls", table);
  sys::exportCalls(env, exports);
  exports.Set("close", Napi::Function::New<&close>(env, "close"));
  sys::exportPrograms(env, exports);
  exports.Set("sourceDigest", OVERLAYFS_SOURCE_DIGEST);
  return exports;
}

}  // namespace

NODE_API_MODULE(overlayfs, init)
