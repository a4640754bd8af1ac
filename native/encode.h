// JavaScript arguments to the bytes of a step (program.h); a wrong type throws before any system call.
#pragma once

#include <napi.h>

#include <string>

namespace sys {

// Throws Napi::TypeError naming the argument.
std::string encode(const Napi::CallbackInfo& info, const char* signature);

}  // namespace sys
