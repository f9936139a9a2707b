// `prumo verify` on a processor with one more instruction set, "broken", that is the scalar one
// with one kernel spoiled: whatever is wrong with it, verify ends with 1 and says which kernel.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "support/command_here.h"
#include "support/faulty_kernels.h"
#include "support/spied_kernels.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

// The tables that verify compares, while it lives: that one is neither the first nor the last.
class Broken {
 public:
  Broken()
      : table_(*uncounted_tables().front()),
        given_({tables().front(), &table_, uncounted_tables().front()}) {
    table_.name = "broken";
  }
  Kernels& table() { return table_; }

 private:
  Kernels table_;
  GivenTables given_;
};

// The least that verify tries: 16 inputs a kernel.
std::vector<std::string> shortest(std::string_view kernel) {
  return {"verify", "--seconds", "0", "--kernel", std::string(kernel)};
}

TEST(Verify, SeesAWrongBitInEachThingThatAKernelGives) {
  for_each_kernel([](std::string_view name, auto member) {
    using Kernel = Faulty<decltype(member)::pointer>;
    Broken broken;
    Kernel::plant(broken.table(), {});
    const Ended sound = run_here(shortest(name));
    EXPECT_EQ(sound.code, 0) << sound.err;
    ASSERT_GT(Kernel::things_given, 0u) << name << " did not run";
    for (std::size_t which = 0; which < Kernel::things_given; ++which) {
      Kernel::plant(broken.table(), {Fault::kWrongBit, which});
      const Ended ended = run_here(shortest(name));
      EXPECT_EQ(ended.code, 1) << name << ", thing " << which << ": " << ended.out;
      const std::string wanted = "prumo: " + std::string(name) + ": broken differs from scalar at ";
      EXPECT_TRUE(ended.err.starts_with(wanted)) << wanted << "... is not: " << ended.err;
    }
  });
}

// What `add` is tried on, input by input.
std::vector<std::vector<float>> tried(const std::vector<std::string>& more) {
  std::vector<std::vector<float>> out;
  Broken sound;
  Spy<& Kernels::add>::real = sound.table().add;
  Spy<& Kernels::add>::told = [&](const float* x, std::size_t n, float* y) {
    out.emplace_back(x, x + n);
    out.back().insert(out.back().end(), y, y + n);
  };
  sound.table().add = &Spy<&Kernels::add>::call;
  const Ended ended = run_here(with(shortest("add"), more));
  EXPECT_EQ(ended.code, 0) << ended.err;
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// So that a difference can be seen again.
TEST(Verify, AnInputIsThatOfItsSeedAndNumber) {
  for (const std::string seed : {"1", "7"}) {
    const auto all = tried({"--seed", seed});
    ASSERT_GE(all.size(), 16u);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto one = tried({"--seed", seed, "--input", std::to_string(i)});
      ASSERT_EQ(one.size(), 1u);
      EXPECT_TRUE(same_bits(one[0], all[i])) << "input " << i << " of seed " << seed;
      if (i == 0) continue;
      EXPECT_FALSE(same_bits(all[i], all[i - 1])) << i;
    }
    EXPECT_FALSE(same_bits(all[0], tried({"--seed", "2"})[0]));
  }
}

// Runs the command and ends with its code; nothing here is left to clean up.
[[noreturn]] void verify_and_end(const std::vector<std::string>& words) {
  std::vector<const char*> argv = {"prumo"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  std::_Exit(cli::run_command(static_cast<int>(argv.size()), argv.data()));
}

TEST(VerifyDeathTest, StopsAKernelThatReadsBeyondAnArgument) {
  for_each_kernel([](std::string_view name, auto member) {
    using Kernel = Faulty<decltype(member)::pointer>;
    Broken broken;
    Kernel::plant(broken.table(), {});
    ASSERT_EQ(run_here(shortest(name)).code, 0);
    ASSERT_GT(Kernel::ends, 0u) << name << " did not run";
    for (std::size_t which = 0; which < Kernel::ends; ++which) {
      Kernel::plant(broken.table(), {Fault::kReadBeyond, which});
      EXPECT_EXIT(verify_and_end(shortest(name)), ::testing::ExitedWithCode(1),
                  "prumo: " + std::string(name) +
                      ": broken touches memory outside of its arguments at input [0-9]+ of seed 1; "
                      "see it again with 'prumo verify --kernel " +
                      std::string(name) + " --seed 1 --input [0-9]+'")
          << name << ", end " << which;
    }
  });
}

}  // namespace
}  // namespace prumo::testing
