// Laws of a Config: keys of every kind are judged by rules written down apart from it, and neither
// the order of keys nor those that nobody asks for count.
#include "model/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/config_law.h"
#include "support/gen.h"
#include "support/ready_test.h"

namespace prumo::testing {
namespace {

/// Input of config_law: most keys as they should be, or no file would have them all; some of small
/// numbers, of which a relation between two may be wrong, and some of anything.
Bytes any_keys() {
  const auto in = [](unsigned first, unsigned end) {
    return full_range(rc::gen::inRange<unsigned>(first, end));
  };
  const auto pairs = *vector_of(24, rc::gen::weightedOneOf<std::pair<unsigned, unsigned>>(
                                        {{16, rc::gen::pair(in(0, 160), in(0, 160))},
                                         {1, rc::gen::pair(in(208, 224), in(0, 9))},
                                         {1, rc::gen::pair(in(0, 256), in(0, 256))}}));
  Bytes bytes;
  for (const auto& [how, what] : pairs) {
    bytes.push_back(static_cast<std::byte>(how));
    if (how >= 160) bytes.push_back(static_cast<std::byte>(what));
  }
  return bytes;
}

/// All that is read, or the place of the refusal.
std::string verdict(const GgufBuilder& builder) {
  const Bytes bytes = builder.build();
  const auto file = gguf::File::parse(bytes);
  RC_ASSERT(file.ok());
  const auto config = Config::from(*file);
  if (!config) return config.error().place + ": " + config.error().message;
  const Config& c = *config;
  std::string out = c.architecture + " " + c.name;
  for (const std::size_t size :
       {c.context_length, c.embedding, c.layers, c.heads, c.kv_heads, c.head_dim, c.ffn, c.vocab}) {
    out += " " + std::to_string(size);
  }
  return out + " " + source(c.rms_eps) + " " + hex_of(&c.rope_base, sizeof c.rope_base) + " " +
         hex_of(&c.rope_scale, sizeof c.rope_scale);
}

RC_GTEST_PROP(ConfigLaws, KeysAreJudgedAsTheRulesSay, ()) {
  const Bytes input = any_keys();
  obeys(ready(config_law(input), "config_law", input));
}

RC_GTEST_PROP(ConfigLaws, NeitherTheOrderOfKeysNorOthersCount, ()) {
  const Bytes input = any_keys();
  Input in(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  GgufBuilder file = ConfigCase(in).keys.file;
  const std::string expected = verdict(file);
  std::reverse(file.keys.begin(), file.keys.end());
  RC_ASSERT(verdict(file) == expected);
  file.add("llama.attention.head_counts", 7u).add("tokenizer.ggml", "x");
  RC_ASSERT(verdict(file) == expected);
}

// The generator makes files that load and files that do not.
TEST(ConfigLaws, BothVerdictsAreMet) {
  std::size_t good = 0;
  constexpr std::size_t kCases = 4000;
  Bits bits(1);
  for (std::size_t i = 0; i < kCases; ++i) {
    Bytes input(48);
    for (std::byte& byte : input) {
      const std::uint64_t drawn = bits.next();
      byte = static_cast<std::byte>(drawn >> 16 & (drawn % 20 == 0 ? 0xFFu : 0x7Fu));
    }
    Input in(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    good += ConfigCase(in).rules.broken.empty() ? 1 : 0;
    ASSERT_EQ(config_law(input), "") << hex_of(input.data(), input.size());
  }
  EXPECT_GT(good, kCases / 10);
  EXPECT_LT(good, kCases - kCases / 10);
}

}  // namespace
}  // namespace prumo::testing
