// Seeds of the arena: histories in which each operation meets an arena that is empty, full, exactly
// filled or rewound, and sizes and alignments that no arena has room for.
#include "support/seeds.h"

namespace prumo::fuzz {
namespace {

/// Operations as the target reads them.
class History {
 public:
  History(std::size_t capacity, std::size_t shift) {
    testing::put(bytes_, static_cast<std::uint16_t>(capacity));
    put_byte(bytes_, shift);
  }
  History& allocate(std::size_t size, std::size_t exponent = 0) {
    if (size < 256) return operation(0, exponent, {size});
    return operation(3, exponent, {size & 0xFF, size >> 8});
  }
  /// Which of the target's extreme sizes, and how much less.
  History& extreme(std::size_t which, std::size_t less) { return operation(6, 0, {which, less}); }
  History& any_alignment(std::uint64_t align, std::size_t size) {
    operation(7, 0, {});
    testing::put(bytes_, align);
    put_byte(bytes_, size);
    return *this;
  }
  History& mark() { return operation(4, 0, {}); }
  History& rewind(std::size_t to) { return operation(5, 0, {to}); }
  History& reset() { return operation(5, 31, {}); }
  History& move() { return operation(7, 31, {}); }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  History& operation(std::size_t code, std::size_t exponent,
                     std::initializer_list<std::size_t> more) {
    put_byte(bytes_, exponent << 3 | code);
    for (const std::size_t byte : more) put_byte(bytes_, byte);
    return *this;
  }
  Bytes bytes_;
};

/// An arena of its own block: which capacity, then allocations that it is made for.
Bytes owned(std::size_t which, const std::vector<std::pair<std::size_t, std::size_t>>& wanted) {
  Bytes out = History(0, 192).bytes();
  put_byte(out, which);
  put_byte(out, wanted.size());
  for (const auto& [size, exponent] : wanted) {
    put_byte(out, size);
    put_byte(out, exponent);
  }
  return out;
}

}  // namespace

void add_history_seeds(Seeds& seeds) {
  const auto add = [&](const std::string& name, const Bytes& bytes) {
    seeds.push_back({"arena", name, bytes});
  };
  add("nothing_asked", History(64, 0).bytes());
  add("of_no_bytes", History(0, 5).allocate(0).allocate(1).mark().rewind(0).reset().bytes());
  add("filled_exactly", History(64, 0).allocate(32).allocate(32).allocate(0).allocate(1).bytes());
  add("one_byte_more", History(64, 0).allocate(32).allocate(33).allocate(32).bytes());
  add("every_alignment", [] {
    History history(1024, 13);
    for (std::size_t exponent = 0; exponent < 31; ++exponent) history.allocate(3, exponent);
    return history.bytes();
  }());
  add("no_power_of_two", History(512, 1)
                             .any_alignment(0, 8)
                             .any_alignment(3, 8)
                             .any_alignment(~0ull, 8)
                             .allocate(8)
                             .bytes());
  add("highest_alignment", History(512, 0).any_alignment(1ull << 63, 0).allocate(9, 3).bytes());
  add("extreme_sizes", [] {
    History history(1024, 7);
    for (std::size_t which = 0; which < 8; ++which) {
      for (const std::size_t less : {0u, 1u, 16u, 17u}) history.extreme(which, less);
    }
    return history.bytes();
  }());
  add("marks_inside_marks", History(1024, 63)
                                .mark()
                                .allocate(10)
                                .mark()
                                .allocate(20, 4)
                                .mark()
                                .allocate(400)
                                .rewind(1)
                                .allocate(30)
                                .rewind(0)
                                .allocate(1000)
                                .bytes());
  add("rewound_without_a_mark", History(100, 2).allocate(9).rewind(7).allocate(90).bytes());
  add("reset_when_full",
      History(96, 8).allocate(96).reset().allocate(96).reset().allocate(97).bytes());
  add("moved", History(256, 3)
                   .allocate(9)
                   .mark()
                   .move()
                   .allocate(100, 6)
                   .move()
                   .rewind(0)
                   .move()
                   .allocate(50)
                   .bytes());
  for (std::size_t which = 0; which < 14; ++which) {
    add("owned_" + std::to_string(which), owned(which, {{1, 0}, {100, 12}, {7, 3}}));
  }
  add("owned_for_nothing", owned(2, {}));
  add("owned_for_eight",
      owned(3, {{0, 0}, {255, 1}, {16, 4}, {17, 5}, {1, 12}, {1, 11}, {64, 6}, {3, 2}}));
}

}  // namespace prumo::fuzz
