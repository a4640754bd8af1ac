// JavaScript arguments to the bytes of a step, letter by letter of the call's signature.
#include "encode.h"

namespace sys {
namespace {

constexpr double exact = 9007199254740991.0;  // Number.MAX_SAFE_INTEGER

[[noreturn]] void wrong(Napi::Env env, const char* expected, std::size_t index) {
  throw Napi::TypeError::New(env, "argument " + std::to_string(index) + " must be " + expected);
}

template <class T>
void put(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

double integer(Napi::Value value, double low, double high, std::size_t index) {
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : low - 1;
  // NaN fails the first comparison, a fraction the second.
  if (!(number >= low && number <= high) || number != static_cast<double>(static_cast<int64_t>(number)))
    wrong(value.Env(), "an integer in range", index);
  return number;
}

uint64_t wide(Napi::Value value, std::size_t index) {
  if (!value.IsBigInt()) return static_cast<uint64_t>(integer(value, 0, exact, index));
  bool lossless = false;
  uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) wrong(value.Env(), "an unsigned 64-bit bigint", index);
  return number;
}

std::string bytes(Napi::Value value, std::size_t index) {
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    wrong(value.Env(), "a string or a Uint8Array", index);
  auto array = value.As<Napi::Uint8Array>();
  return std::string(reinterpret_cast<const char*>(array.Data()), array.ByteLength());
}

void pad(std::string& out) { out.resize((out.size() + 3) & ~std::size_t{3}); }

void putText(std::string& out, Napi::Value value, std::size_t index) {
  if (value.IsNull()) return put<uint32_t>(out, 0xffffffff);
  std::string text = bytes(value, index);
  if (text.find('\0') != std::string::npos) wrong(value.Env(), "free of NUL bytes", index);
  put<uint32_t>(out, static_cast<uint32_t>(text.size()));
  out.append(text.c_str(), text.size() + 1);
  pad(out);
}

}  // namespace

std::string encode(const Napi::CallbackInfo& info, const char* signature) {
  std::string out;
  for (std::size_t i = 0; signature[i] != '\0'; ++i) {
    Napi::Value value = info[i];
    if (signature[i] == 'f') {
      put(out, static_cast<int32_t>(integer(value, -INT32_MAX, 0x3fffffff, i)));
    } else if (signature[i] == 'u') {
      put(out, static_cast<uint32_t>(integer(value, 0, UINT32_MAX, i)));
    } else if (signature[i] == 'q') {
      put(out, wide(value, i));
    } else if (signature[i] == 't') {
      putText(out, value, i);
    } else {
      std::string blob = bytes(value, i);
      put<uint32_t>(out, static_cast<uint32_t>(blob.size()));
      out += blob;
      pad(out);
    }
  }
  return out;
}

}  // namespace sys
