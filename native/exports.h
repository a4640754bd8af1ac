// Gives calls and programs of calls, run here or in a child, to JavaScript, each as `name` (a promise, on the thread pool) and `nameSync`.
#pragma once

#include <napi.h>

#include "calls.h"

namespace sys {

void exportCalls(Napi::Env env, Napi::Object exports);
void exportPrograms(Napi::Env env, Napi::Object exports);

}  // namespace sys
