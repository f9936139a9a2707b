// What a failing law says beside its sentence: the instruction sets of this machine, and a test
// that can be pasted into tests/ as it stands, with every number as its bits. Properties, fuzz
// targets and tests get it from the law itself.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/kernels.h"
#include "support/matrices.h"
#include "support/stage.h"

namespace prumo::testing {

// What the pasted tests are written with.

inline std::vector<float> floats_of(std::initializer_list<std::uint32_t> bits) {
  std::vector<float> out;
  for (const std::uint32_t b : bits) out.push_back(std::bit_cast<float>(b));
  return out;
}

inline std::vector<std::byte> bytes_of_hex(std::string_view hex) {
  const auto digit = [&](std::size_t i) {
    return static_cast<unsigned>(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
  };
  std::vector<std::byte> out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(std::byte{static_cast<unsigned char>(digit(i) * 16 + digit(i + 1))});
  }
  return out;
}

inline std::string text_of_hex(std::string_view hex) {
  std::string out;
  for (const std::byte b : bytes_of_hex(hex)) out += static_cast<char>(b);
  return out;
}

/// Quantized activations by their q and the bits of their scale; the rest follows.
struct BlockBits {
  std::string_view q;
  std::uint32_t scale;
};
inline std::vector<QuantizedBlock> blocks_of(std::initializer_list<BlockBits> all) {
  std::vector<QuantizedBlock> out;
  for (const BlockBits& bits : all) {
    QuantizedBlock block{};
    const auto q = bytes_of_hex(bits.q);
    std::memcpy(block.q, q.data(), sizeof block.q);
    block.scale = std::bit_cast<float>(bits.scale);
    complete(block);
    out.push_back(block);
  }
  return out;
}

// A value as C++.

inline std::string hex_of(std::uint32_t x) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08xu", x);
  return text;
}
inline std::string hex_of(const void* data, std::size_t n) {
  constexpr char kDigits[] = "0123456789abcdef";
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::string out;
  for (std::size_t i = 0; i < n; ++i) (out += kDigits[bytes[i] / 16]) += kDigits[bytes[i] % 16];
  return out;
}

template <std::integral T>
std::string source(T x) {
  if constexpr (std::is_same_v<T, bool>) return x ? "true" : "false";
  return std::to_string(x) + (std::is_unsigned_v<T> ? "u" : "");
}
inline std::string source(float x) {
  return "std::bit_cast<float>(" + hex_of(std::bit_cast<std::uint32_t>(x)) + ")";
}
inline std::string source(Side side) {
  return side == Side::kLeft ? "Side::kLeft" : "Side::kRight";
}
inline std::string source(gguf::TensorType type) {
  return "gguf::TensorType{" + std::to_string(static_cast<unsigned>(type)) + "}";
}
inline std::string source(const std::vector<std::byte>& bytes) {
  return "bytes_of_hex(\"" + hex_of(bytes.data(), bytes.size()) + "\")";
}
inline std::string source(const std::string& text) {
  return "text_of_hex(\"" + hex_of(text.data(), text.size()) + "\")";
}
/// Some values between braces, eight on a line.
template <class T, class Each>
std::string listed(const std::vector<T>& all, Each&& each) {
  std::string out = "{";
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i != 0) out += i % 8 == 0 ? ",\n      " : ", ";
    out += each(all[i]);
  }
  return out + "}";
}
inline std::string source(const std::vector<float>& x) {
  return "floats_of(" + listed(x, [](float v) { return hex_of(std::bit_cast<std::uint32_t>(v)); }) +
         ")";
}
inline std::string source(const std::vector<std::uint16_t>& x) {
  return listed(x, [](std::uint16_t v) { return std::to_string(v); });
}
inline std::string source(const std::vector<std::int32_t>& x) {
  return listed(x, [](std::int32_t v) { return std::to_string(v); });
}
inline std::string source(const std::vector<std::string>& x) {
  return listed(x, [](const std::string& text) { return source(text); });
}
inline std::string source(const std::vector<QuantizedBlock>& blocks) {
  return "blocks_of(" +
         listed(blocks,
                [](const QuantizedBlock& block) {
                  return "{\"" + hex_of(block.q, sizeof block.q) + "\", " +
                         hex_of(std::bit_cast<std::uint32_t>(block.scale)) + "}";
                }) +
         ")";
}

/// The fault with a test behind it that makes this call; "" for no fault.
inline std::string ready_test(const std::string& fault, const std::string& call) {
  if (fault.empty()) return fault;
  std::string out = fault + "\ninstruction sets here:";
  for (const Kernels* table : supported_kernels()) out.append(" ").append(table->name);
  return out + "\nas a test:\nTEST(Found, ItHolds) {\n  EXPECT_EQ(" + call + ", \"\");\n}\n";
}

/// The same for a law that takes plain values: name(a, b, ...).
template <class... Args>
std::string ready(const std::string& fault, const std::string& law, const Args&... args) {
  if (fault.empty()) return fault;
  std::string list;
  ((list += (list.empty() ? "" : ",\n      ") + source(args)), ...);
  return ready_test(fault, law + "(" + list + ")");
}

}  // namespace prumo::testing
