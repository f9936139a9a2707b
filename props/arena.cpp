// Laws of the arena: whatever is asked of it, in whatever order, it does what a list of intervals
// says it must.
#include <gtest/gtest.h>
#include <rapidcheck/state.h>

#include <limits>
#include <memory>

#include "support/arena_model.h"
#include "support/gen.h"

namespace prumo::testing {
namespace {

// The commands need to know nothing before they run: what the arena must do is CheckedArena's part.
struct Nothing {};

using Command = rc::state::Command<Nothing, CheckedArena>;

struct Allocate : Command {
  std::size_t size = *rc::gen::weightedOneOf<std::size_t>(
      {{8, rc::gen::inRange<std::size_t>(0, 300)},
       {1, rc::gen::map(
               rc::gen::inRange<std::size_t>(0, 5000),
               [](std::size_t less) { return std::numeric_limits<std::size_t>::max() - less; })},
       {1, rc::gen::arbitrary<std::size_t>()}});
  std::size_t align = *rc::gen::weightedOneOf<std::size_t>(
      {{8, rc::gen::map(rc::gen::inRange(0, 9), [](int i) { return std::size_t{1} << i; })},
       {1, rc::gen::map(rc::gen::inRange(9, 64), [](int i) { return std::size_t{1} << i; })},
       {1, rc::gen::arbitrary<std::size_t>()}});

  void apply(Nothing&) const override {}
  void run(const Nothing&, CheckedArena& arena) const override {
    obeys(arena.allocate(size, align));
  }
  void show(std::ostream& out) const override {
    out << "allocate(" << size << ", " << align << ")";
  }
};

// Asks for exactly what is left, or a byte more.
struct Fill : Command {
  std::size_t more = *rc::gen::inRange<std::size_t>(0, 2);

  void apply(Nothing&) const override {}
  void run(const Nothing&, CheckedArena& arena) const override {
    obeys(arena.allocate(arena.free() + more, 1));
  }
  void show(std::ostream& out) const override { out << "fill, and " << more; }
};

struct TakeMark : Command {
  void apply(Nothing&) const override {}
  void run(const Nothing&, CheckedArena& arena) const override { obeys(arena.mark()); }
  void show(std::ostream& out) const override { out << "mark()"; }
};

struct Rewind : Command {
  std::size_t which = *rc::gen::inRange<std::size_t>(0, 20);

  void apply(Nothing&) const override {}
  void run(const Nothing&, CheckedArena& arena) const override { obeys(arena.rewind(which)); }
  void show(std::ostream& out) const override { out << "rewind(mark " << which << ")"; }
};

struct Reset : Command {
  void apply(Nothing&) const override {}
  void run(const Nothing&, CheckedArena& arena) const override { obeys(arena.reset()); }
  void show(std::ostream& out) const override { out << "reset()"; }
};

struct Move : Command {
  void apply(Nothing&) const override {}
  void run(const Nothing&, CheckedArena& arena) const override { obeys(arena.move()); }
  void show(std::ostream& out) const override { out << "move"; }
};

RC_GTEST_PROP(ArenaLaws, AnyHistoryIsTheIntervalModels, ()) {
  const auto capacity = *rc::gen::inRange<std::size_t>(0, CheckedArena::kMaxCapacity + 1);
  const auto shift = *rc::gen::inRange<std::size_t>(0, CheckedArena::kMaxShift + 1);
  CheckedArena arena(capacity, shift);
  rc::state::check(Nothing{}, arena, [](const Nothing&) {
    return rc::gen::weightedOneOf<std::shared_ptr<const Command>>(
        {{10, rc::state::gen::execOneOfWithArgs<Allocate>()()},
         {1, rc::state::gen::execOneOfWithArgs<Fill>()()},
         {3, rc::state::gen::execOneOfWithArgs<TakeMark>()()},
         {2, rc::state::gen::execOneOfWithArgs<Rewind>()()},
         {1, rc::state::gen::execOneOfWithArgs<Reset, Move>()()}});
  });
}

}  // namespace
}  // namespace prumo::testing
