// Writes a test file of what laws print when they fail, each law once, as if this input had failed
// it: what is to be pasted into tests/ must compile there, and pass on a sound library.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "support/arena_model.h"
#include "support/argmax_law.h"
#include "support/attention_law.h"
#include "support/config_law.h"
#include "support/gguf_builder.h"
#include "support/gguf_law.h"
#include "support/matmul_law.h"
#include "support/merge_law.h"
#include "support/narrow_law.h"
#include "support/pack_law.h"
#include "support/sampler_law.h"
#include "support/select_law.h"
#include "support/spm_law.h"
#include "support/stop_law.h"
#include "support/utf8_law.h"
#include "support/vocab_law.h"

namespace prumo::testing {
namespace {

constexpr const char* kHeaders[] = {"arena_model", "argmax_law",  "attention_law", "config_law",
                                    "gguf_law",    "matmul_law",  "merge_law",     "narrow_law",
                                    "pack_law",    "sampler_law", "select_law",    "spm_law",
                                    "stop_law",    "utf8_law",    "vocab_law"};

/// The test in what a law printed, under a name of its own.
void write(const std::string& printed) {
  static int written = 0;
  std::string test = printed.substr(printed.find("TEST("));
  test.replace(test.find("ItHolds"), 7, "ItHolds" + std::to_string(++written));
  std::printf("\n%s", test.c_str());
}

template <class... Args>
void write_ready(const std::string& law, const Args&... args) {
  write(ready("a fault", law, args...));
}

void write_texts() {
  const std::string vocab = "\x01\x20\x80\x81\x02 grown", text("a \xE2\x96\x81\0b\xFF", 7);
  write_ready("utf8_law", std::vector<std::string>{"a\xE2", "\x96\x81", "", "\xFF"});
  write_ready("spm_law", vocab, text);
  write_ready("user_defined_law", std::string("\0\1\2\3\4\5", 6), text);
  write_ready("stream_law", vocab, std::vector<TokenId>{-1, 0, 5, 1 << 30});
  write_ready("stop_law", std::vector<std::string>{"END", "\n\n"},
              std::vector<std::string>{"aE", "", "N\n", "\n"});
  write_ready("vocab_law", vocab);
  write_ready("special_id_law", vocab, std::string("eot"), 4000000000u);
  write_ready("gguf_law", GgufBuilder().add("x", 7u).build());
  write_ready("config_law", std::vector<std::byte>(48, std::byte{0x5A}));
}

void write_vectors() {
  const std::vector<float> x = {1.0f, -0.0f, std::numeric_limits<float>::quiet_NaN(), 0x1p-149f};
  write_ready("argmax_law", x);
  write_ready("narrow_law", x);
  write_ready("softmax_law", x, 0.5f);
  write_ready("add_law", x, x);
  write_ready("collect_law", std::vector<float>{1, 2, 3}, 2.0f, 7u);
  write_ready("pack_law", gguf::TensorType::kF16, std::vector<std::byte>(2 * 3 * 2), std::size_t{3},
              std::size_t{2}, std::size_t{0}, std::size_t{1}, Side::kLeft);
  const SamplerOptions options{.temperature = 0.8f, .top_k = 2, .seed = 1};
  write(ready_test("a fault", "sampler_law(" + source(x) + ", " + source(options) + ", 0u, 3u)"));
}

void write_structures() {
  Bits bits(1);
  const auto test = [](const std::string& law, const auto& a) {
    write(ready_test("a fault", law + "(" + source(a) + ")"));
  };
  test("attention_law", make_attention(true, 2, 16, 3, Values::kOrdinary, bits, 2));
  test("attention_law", make_attention(false, 1, 16, 3, Values::kSpecial, bits));
  test("merge_law", make_merge(2, 8, Values::kOrdinary, bits));
  for (const auto type : {gguf::TensorType::kF16, gguf::TensorType::kQ4_0}) {
    test("product_law", make_product(type, 17, 64, 2, Values::kOrdinary, Values::kOrdinary, bits));
  }
  write_ready("arena_law", std::size_t{100}, std::size_t{3},
              std::vector<ArenaStep>{{ArenaStep::What::kAllocate, 3, 8},
                                     {ArenaStep::What::kMark},
                                     {ArenaStep::What::kAllocate, 300, 1},
                                     {ArenaStep::What::kMove},
                                     {ArenaStep::What::kRewind, 1},
                                     {ArenaStep::What::kReset}});
}

}  // namespace
}  // namespace prumo::testing

int main() {
  std::printf("#include <gtest/gtest.h>\n\n");
  for (const char* header : prumo::testing::kHeaders) {
    std::printf("#include \"support/%s.h\"\n", header);
  }
  std::printf("\nnamespace prumo::testing {\n");
  prumo::testing::write_texts();
  prumo::testing::write_vectors();
  prumo::testing::write_structures();
  std::printf("\n}  // namespace prumo::testing\n");
}
