// Errors as values. Bad data and a bad environment come back as an Error; misuse by the caller is
// an assertion.
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace prumo {

/// What kind of thing went wrong. The command's exit code follows from it alone.
enum class ErrorCode : std::uint8_t {
  kBadArgument,      ///< an option or an argument has no meaning here
  kIo,               ///< the operating system refused to open, read, map or write
  kBadModel,         ///< the file is no model, or breaks a rule of its format
  kUnsupported,      ///< a valid file that asks for something Prumo does not do
  kOutOfMemory,      ///< the machine does not have what the model needs
  kContextFull,      ///< the prompt does not fit the context
  kNonFiniteLogits,  ///< the forward pass produced a NaN, or nothing but NaN
  kCancelled,        ///< the caller asked to stop
};

/// One failure, said once: where it is and what to do about it.
struct Error {
  ErrorCode code{};
  std::string place;    ///< a byte offset ("byte 24"), a key, a tensor or an option; may be empty
  std::string message;  ///< one sentence for a person, with the next step
};

/// A value or an Error. Asking for the one that is not there is misuse.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & { return (assert(ok()), *std::get_if<0>(&state_)); }
  [[nodiscard]] const T& value() const& { return (assert(ok()), *std::get_if<0>(&state_)); }
  [[nodiscard]] T&& value() && { return (assert(ok()), std::move(*std::get_if<0>(&state_))); }
  [[nodiscard]] const Error& error() const { return (assert(!ok()), *std::get_if<1>(&state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
using Status = Result<std::monostate>;

/// The Status that says nothing went wrong.
inline Status success() {
  return std::monostate{};
}

}  // namespace prumo
