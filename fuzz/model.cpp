// Any bytes as a model, the whole way that a user's file takes: it is loaded or refused as the
// rules say that are written down a second time (support/model_oracle.h); what loads runs, one
// token at a time and in a batch, on every instruction set, to the same bits, and generates what a
// plain loop chooses. Memory stays within 16 bytes a byte of the file and 16 MiB.
#include <sys/mman.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/loaded_model.h"
#include "prumo.h"
#include "support/check.h"
#include "support/counting_new.h"
#include "support/gguf_engine.h"
#include "support/model_oracle.h"

// Blocks of memory are mappings, which the linker counts here (CMakeLists.txt).
namespace {
std::size_t mapped = 0, mapped_peak = 0;
}  // namespace
extern "C" {
void* __real_mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset);
int __real_munmap(void* at, std::size_t size);
void* __wrap_mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset);
int __wrap_munmap(void* at, std::size_t size);

void* __wrap_mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset) {
  void* got = __real_mmap(at, size, protection, flags, file, offset);
  if (got != MAP_FAILED) mapped_peak = std::max(mapped_peak, mapped += size);
  return got;
}
int __wrap_munmap(void* at, std::size_t size) {
  mapped -= size;
  return __real_munmap(at, size);
}
}

namespace prumo::fuzz {
namespace {

using Logits = std::vector<float>;
using Ids = std::vector<TokenId>;

// Elements of weights in a model that is run: those of a larger one take too long.
constexpr testing::Wide kMostElements = 40000;
constexpr std::size_t kMostContext = 6;
constexpr std::size_t kMade = 2;

/// The most memory at once since it was made, of the heap and mapped.
class Peak {
 public:
  Peak() { mapped_peak = mapped; }
  [[nodiscard]] std::size_t bytes() const { return heap_.bytes() + mapped_peak - before_; }

 private:
  testing::PeakMemory heap_;
  std::size_t before_ = mapped;
};

void check_memory(const Peak& peak, std::size_t size, const char* when) {
  CHECK(peak.bytes() <= 16 * size + (std::size_t{16} << 20),
        std::string(when) + ": " + std::to_string(peak.bytes()) + " bytes for a file of " +
            std::to_string(size));
}

/// One sentence that a person can read, about the model and nothing else.
void check_refusal(const Error& error, const testing::ModelOracle* model) {
  const std::string what = error.place + ": " + error.message;
  CHECK(error.code == ErrorCode::kBadModel || error.code == ErrorCode::kUnsupported, what);
  CHECK(!error.place.empty() && error.message.size() >= 10, what);
  CHECK(std::none_of(what.begin(), what.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }),
        what);
  if (model == nullptr) return;
  CHECK(!model->good(), "a good model is refused: " + what);
  CHECK(model->breaks(error.place), what + " is not among" + model->list());
}

void check_config(const Config& c, const testing::ModelOracle& m, const Model& model) {
  CHECK(m.good(), "loaded in spite of" + m.list());
  CHECK(c.context_length == m.context && c.embedding == m.embedding && c.layers == m.layers &&
            c.ffn == m.ffn && c.heads == m.heads && c.kv_heads == m.kv_heads &&
            c.head_dim == m.head_dim && c.vocab == m.vocab,
        "sizes");
  CHECK(c.rms_eps == static_cast<float>(m.eps) && c.rope_base == m.base && c.rope_scale == m.scale,
        "numbers");
  CHECK(model.vocab_size() == m.vocab && model.context_length() == m.context, "said outside");
}

/// Texts to tokens and back, with every id of the vocabulary and some that are none.
void check_text(const Model& model) {
  const auto n = static_cast<TokenId>(model.vocab_size());
  for (const char* text : {"", "a", " ab aab\n<s>\xFF"}) {
    for (const TokenId id : model.tokenize(text)) CHECK(id >= 0 && id < n, text);
  }
  Ids ids;
  for (TokenId id = -1; id <= n; ++id) ids.push_back(id);
  const std::string all = model.detokenize(ids);
  CHECK(all == model.detokenize(std::span(ids).subspan(1, ids.size() - 2)), "ids that are none");
}

Session session_of(const Model& model) {
  const std::size_t context = std::min(kMostContext, model.context_length());
  auto session = Session::create(model, {.context = context, .batch = context, .threads = 1});
  CHECK(session.ok(), session.error().place + ": " + session.error().message);
  return std::move(*session);
}

Logits logits_of(const Session& session) {
  return {session.logits().begin(), session.logits().end()};
}

void check_same(const Logits& a, const Logits& b, const std::string& how) {
  const std::size_t at = testing::first_difference(a.data(), b.data(), a.size());
  CHECK(a.size() == b.size() && at == a.size(), how + ": logit " + std::to_string(at));
}

/// What greedy generation chooses, or -1 where it must refuse: one NaN is enough.
TokenId plainly_chosen(const Logits& logits) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (testing::is_nan(logits[i])) return -1;
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<TokenId>(best);
}

/// The logits after each of some tokens and of those that follow them, one at a time.
struct Story {
  Ids prompt, made;
  std::vector<Logits> after;  ///< one for each of both
  bool refused = false;       ///< a token could not be chosen
};

Story tell(Session& session, std::size_t vocab) {
  Story story;
  const std::size_t room = session.context();
  const std::size_t n = std::min<std::size_t>(3, room);
  for (std::size_t i = 0; i < n; ++i) {
    story.prompt.push_back(static_cast<TokenId>((i * 5 + 1) % vocab));
    CHECK(session.step(story.prompt.back()).ok(), "a step");
    story.after.push_back(logits_of(session));
  }
  while (story.made.size() < kMade && n + story.made.size() <= room) {
    const TokenId next = plainly_chosen(story.after.back());
    story.refused = next < 0;
    if (story.refused) break;
    story.made.push_back(next);
    if (session.position() == room || story.made.size() == kMade) break;
    CHECK(session.step(next).ok(), "a step");
    story.after.push_back(logits_of(session));
  }
  return story;
}

/// The same by a batch, and by generate().
void check_again(Session& session, const Story& story, const std::string& how) {
  session.rewind(0);
  CHECK(session.prefill(story.prompt).ok(), how);
  check_same(logits_of(session), story.after[story.prompt.size() - 1], how + ", one batch");
  session.rewind(0);
  const auto made = generate(session, story.prompt, {.max_tokens = kMade, .ignore_eos = true});
  CHECK(made.ok() != story.refused, how + ": generation and the plain loop disagree");
  if (story.refused) {
    CHECK(made.error().code == ErrorCode::kNonFiniteLogits, made.error().message);
    return;
  }
  CHECK(made->ids == story.made, how + ": other tokens");
  check_same(logits_of(session), story.after.back(), how + ", generated");
}

void run(Model& model) {
  Session first = session_of(model);
  const Story story = tell(first, model.vocab_size());
  check_again(first, story, std::string(model.isa()));
  // Packed weights are the same for all of them.
  auto& loaded = const_cast<LoadedModel&>(model.internals());
  const Kernels* const chosen = loaded.kernels;
  for (const Kernels* table : testing::tables()) {
    if (table == chosen) continue;
    loaded.kernels = table;
    Session other = session_of(model);
    check_again(other, story, std::string(table->name));
  }
  loaded.kernels = chosen;
}

void try_bytes(const std::uint8_t* data, std::size_t size) {
  const auto copy = exact_copy<std::byte>(data, size);
  const std::span<const std::byte> file(copy.get(), size);
  const testing::GgufOracle parsed(file);
  const Peak peak;
  auto model = Model::load(file, 1);
  check_memory(peak, size, "loading");
  if (parsed.reason != gguf::Reason::kNone) {
    CHECK(!model.ok(), "no good GGUF file, and loaded");
    return check_refusal(model.error(), nullptr);
  }
  const testing::ModelOracle rules(parsed, file);
  if (!model) return check_refusal(model.error(), &rules);
  check_config(model->internals().config, rules, *model);
  check_text(*model);
  if (rules.elements > kMostElements) {
    session_of(*model);
  } else {
    run(*model);
  }
  check_memory(peak, size, "running");
}

}  // namespace
}  // namespace prumo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  prumo::fuzz::try_bytes(data, size);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  return prumo::fuzz::mutate_gguf(data, size, max_size, seed);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* a, std::size_t a_size,
                                                 const std::uint8_t* b, std::size_t b_size,
                                                 std::uint8_t* out, std::size_t max_size,
                                                 unsigned int seed) {
  using prumo::fuzz::as_bytes;
  return prumo::fuzz::cross_gguf(as_bytes(a, a_size), as_bytes(b, b_size), out, max_size, seed);
}
