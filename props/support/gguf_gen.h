// Arbitrary well-formed GGUF files, as a list of fields that the builder and the writer both take.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "gguf/writer.h"
#include "support/gguf_builder.h"

namespace prumo::testing {

/// One value or array. `type` is the number of the item type, 0 .. 12 without 9.
struct GgufField {
  std::string key;
  std::uint32_t type = 0;
  bool is_array = false;
  std::vector<std::uint64_t> numbers;  ///< the items' bits, unless strings
  std::vector<std::string> strings;
};

struct GgufShape {
  std::string name;
  std::uint32_t type = 0;
  std::vector<std::uint64_t> dims;
  Bytes data;
};

struct GgufPlan {
  std::uint32_t version = 3;
  std::uint32_t alignment = 0;  ///< 0: no key, the format's 32
  std::vector<GgufField> fields;
  std::vector<GgufShape> tensors;
};

/// For RapidCheck's reports.
inline std::ostream& operator<<(std::ostream& out, const GgufPlan& plan) {
  out << "version " << plan.version << ", alignment " << plan.alignment << ", keys:";
  for (const GgufField& f : plan.fields) {
    out << ' ' << gguf::printable(f.key) << '(' << f.type << (f.is_array ? "[]" : "") << " x "
        << f.numbers.size() + f.strings.size() << ')';
  }
  out << ", tensors:";
  for (const GgufShape& t : plan.tensors) {
    out << ' ' << gguf::printable(t.name) << '(' << t.type;
    for (const std::uint64_t dim : t.dims) out << ' ' << dim;
    out << ')';
  }
  return out;
}

/// Calls visit(T{}) with the C++ type of a numeric value type.
template <class Visit>
void with_type(std::uint32_t type, Visit visit) {
  switch (type) {
    case 0:
      return visit(std::uint8_t{});
    case 1:
      return visit(std::int8_t{});
    case 2:
      return visit(std::uint16_t{});
    case 3:
      return visit(std::int16_t{});
    case 4:
      return visit(std::uint32_t{});
    case 5:
      return visit(std::int32_t{});
    case 6:
      return visit(float{});
    case 7:
      return visit(bool{});
    case 10:
      return visit(std::uint64_t{});
    case 11:
      return visit(std::int64_t{});
    default:
      return visit(double{});
  }
}

template <class T>
T from_bits(std::uint64_t bits) {
  if constexpr (std::is_same_v<T, bool>) return (bits & 1) != 0;
  T out{};
  std::memcpy(&out, &bits, sizeof(T));
  return out;
}

/// Gives the fields to a GgufBuilder or a gguf::Writer.
template <class Target>
void add_fields(Target& target, const GgufPlan& plan) {
  if (plan.alignment != 0) target.add("general.alignment", plan.alignment);
  for (const GgufField& f : plan.fields) {
    if (f.type == 8) {
      if (f.is_array) {
        target.add_array(f.key, f.strings);
      } else {
        target.add(f.key, std::string_view(f.strings[0]));
      }
      continue;
    }
    with_type(f.type, [&](auto zero) {
      using T = decltype(zero);
      std::vector<T> items;
      for (const std::uint64_t bits : f.numbers) items.push_back(from_bits<T>(bits));
      if (f.is_array) {
        target.add_array(f.key, items);
      } else {
        target.add(f.key, static_cast<T>(items[0]));
      }
    });
  }
}

inline GgufBuilder builder_of(const GgufPlan& plan) {
  GgufBuilder b;
  b.version = plan.version;
  if (plan.alignment != 0) b.alignment = plan.alignment;
  add_fields(b, plan);
  for (const GgufShape& t : plan.tensors) b.add_tensor(t.name, t.type, t.dims, t.data);
  return b;
}

inline gguf::Writer writer_of(const GgufPlan& plan) {
  gguf::Writer w(plan.version);
  add_fields(w, plan);
  for (const GgufShape& t : plan.tensors) w.add_tensor(t.name, t.type, t.dims, t.data);
  return w;
}

/// A name that no other index gives: some bytes of any kind, then the index.
inline std::string unique_name(std::size_t index, std::size_t max_bytes) {
  std::string text = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  text.resize(std::min(text.size(), max_bytes - 8));
  return text + "." + std::to_string(index);
}

inline rc::Gen<GgufField> any_field(std::size_t index) {
  return rc::gen::exec([index] {
    GgufField f;
    f.key = unique_name(index, 64);
    f.type = *rc::gen::suchThat(rc::gen::inRange<std::uint32_t>(0, 13),
                                [](std::uint32_t type) { return type != 9; });
    f.is_array = *rc::gen::arbitrary<bool>();
    const std::size_t n = f.is_array ? *rc::gen::inRange<std::size_t>(0, 9) : 1;
    if (f.type == 8) {
      f.strings = *rc::gen::container<std::vector<std::string>>(
          n, rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
    } else {
      f.numbers = *rc::gen::container<std::vector<std::uint64_t>>(
          n, rc::gen::resize(100, rc::gen::arbitrary<std::uint64_t>()));
    }
    return f;
  });
}

inline rc::Gen<GgufShape> any_shape(std::size_t index) {
  return rc::gen::exec([index] {
    GgufShape t;
    t.name = unique_name(index, 63);
    t.type = *rc::gen::suchThat(rc::gen::inRange<std::uint32_t>(0, 43), [](std::uint32_t type) {
      return gguf::type_traits(type) != nullptr;
    });
    const gguf::TypeTraits& traits = *gguf::type_traits(t.type);
    const std::uint64_t blocks = *rc::gen::inRange<std::uint64_t>(1, 4);
    t.dims = {blocks * traits.elements};
    std::uint64_t rows = 1;
    for (std::size_t d = *rc::gen::inRange<std::size_t>(0, 4); d > 0; --d) {
      t.dims.push_back(*rc::gen::inRange<std::uint64_t>(1, 4));
      rows *= t.dims.back();
    }
    const auto first = *rc::gen::arbitrary<std::uint8_t>();
    t.data.resize(blocks * rows * traits.bytes);
    for (std::size_t i = 0; i < t.data.size(); ++i) {
      t.data[i] = static_cast<std::byte>(first + 7 * i);
    }
    return t;
  });
}

inline rc::Gen<GgufPlan> any_gguf() {
  return rc::gen::exec([] {
    GgufPlan plan;
    plan.version = *rc::gen::element(2u, 3u);
    plan.alignment = *rc::gen::element(0u, 0u, 8u, 16u, 32u, 64u, 4096u);
    const std::size_t fields = *rc::gen::inRange<std::size_t>(0, 12);
    for (std::size_t i = 0; i < fields; ++i) plan.fields.push_back(*any_field(i));
    const std::size_t tensors = *rc::gen::inRange<std::size_t>(0, 6);
    for (std::size_t i = 0; i < tensors; ++i) plan.tensors.push_back(*any_shape(i));
    return plan;
  });
}

}  // namespace prumo::testing
