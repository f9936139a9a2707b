// Prumo: exact text generation from GGUF language models on a CPU.
//
// Same file, tokens, options and seed give the same bits: on every instruction set, at every thread
// count, for every split of the prompt into batches. Nothing here prints, exits, aborts or throws;
// bad data and a bad environment come back as an Error with one sentence; misuse by the caller is
// an assertion.
//
//   auto model = prumo::Model::load("model.gguf");
//   auto session = prumo::Session::create(*model);
//   auto ids = model->tokenize("In the beginning");
//   auto result = prumo::generate(*session, ids, {.max_tokens = 60});
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace prumo {

using TokenId = std::int32_t;

struct LoadedModel;   // internal
struct SessionState;  // internal

/// A model in memory: immutable, so any number of sessions and threads may share one. Move-only.
class Model {
 public:
  /// Maps and checks the GGUF file at `path` and repacks its weights with `threads` threads (0: one
  /// a usable core).
  static Result<Model> load(const std::string& path, std::size_t threads = 0);
  /// The same from bytes in memory, which must outlive the model.
  static Result<Model> load(std::span<const std::byte> image, std::size_t threads = 0);

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  /// The tokens of any bytes. `bos`: with the beginning-of-text token in front, if the model asks
  /// for one.
  [[nodiscard]] std::vector<TokenId> tokenize(std::string_view text, bool bos = true) const;
  /// The bytes of tokens; ids that are not in the vocabulary print nothing.
  [[nodiscard]] std::string detokenize(std::span<const TokenId> ids) const;

  [[nodiscard]] std::size_t vocab_size() const;
  [[nodiscard]] std::size_t context_length() const;  ///< the most positions the model was made for
  [[nodiscard]] std::string_view isa()
      const;  ///< instruction set in use: "scalar", "avx2" or "avx512"

  [[nodiscard]] const LoadedModel& internals() const { return *loaded_; }

 private:
  explicit Model(std::unique_ptr<LoadedModel> loaded);
  std::unique_ptr<LoadedModel> loaded_;
};

/// A draft of 15 and the token before it are a batch of 16.
inline constexpr std::size_t kUsualDraft = 15;

/// How the KV cache stores its elements.
enum class CacheType : std::uint8_t {
  kF16,
  kF32,
  kQ8_0,  ///< half of F16: blocks of 32 int8 and an f16 scale; for heads of a multiple of 32
};

struct SessionOptions {
  std::size_t context =
      0;  ///< positions to make room for; 0: the model's context length, which is also the most
  std::size_t batch =
      512;  ///< most tokens of a prompt computed at once, at least 1; changes speed and memory only
  /// 0: one a usable core, of which a very small model's single tokens take one; at most 256;
  /// changes speed only
  std::size_t threads = 0;
  CacheType cache = CacheType::kF16;
  /// Most tokens that generate() guesses at once, by looking up where the last ones stood before
  /// (kUsualDraft is a good number; at most batch - 1 are used); 0: none. Changes speed and memory
  /// only: they are run in one batch, and only what would have been chosen anyway is kept.
  std::size_t draft = 0;
};

/// Called with vocab_size() logits, which are good until it returns.
using OnLogits = std::function<void(std::span<const float>)>;

/// One stream of text: a KV cache, a team of threads and all scratch memory, allocated when it is
/// made. Steps allocate nothing. Used by one caller at a time; the model must outlive it.
/// Move-only.
class Session {
 public:
  static Result<Session> create(const Model& model, const SessionOptions& options = {});

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Appends tokens; logits() are then those after the last. An empty span does nothing. Errors,
  /// which change nothing: kContextFull, kBadArgument for an id that is not in the vocabulary.
  /// `cancel`, if given, is looked at between batches: kCancelled then, with the batches before it
  /// kept.
  Status prefill(std::span<const TokenId> ids, const std::atomic<bool>* cancel = nullptr);
  /// Appends one token.
  Status step(TokenId id) { return prefill({&id, 1}); }

  /// The same, and calls `each` with the logits after every one of the tokens, in order, on this
  /// thread: what scoring a text needs. Each batch's tokens are appended before their first call.
  Status evaluate(std::span<const TokenId> ids, const OnLogits& each,
                  const std::atomic<bool>* cancel = nullptr);

  /// vocab_size() floats after the last token appended; all zero before the first. Overwritten by
  /// the next.
  [[nodiscard]] std::span<const float> logits() const;
  [[nodiscard]] std::size_t position() const;  ///< tokens appended so far
  [[nodiscard]] std::size_t context() const;   ///< the most there is room for
  [[nodiscard]] std::size_t threads() const;
  /// Forgets every token from `position` on, which must be at most position(). logits() stay as
  /// they are.
  void rewind(std::size_t position);

  [[nodiscard]] SessionState& internals() { return *state_; }

 private:
  explicit Session(std::unique_ptr<SessionState> state);
  std::unique_ptr<SessionState> state_;
};

/// How the next token is chosen (generate/sampler.h defines it). Temperature 0 is greedy: the least
/// index of the largest logit.
struct SamplerOptions {
  float temperature = 0;  ///< finite, at least 0; at 0 the others are without effect
  std::size_t top_k = 0;  ///< keep the k most likely; 0: all
  float top_p = 1;        ///< keep the most likely until their probability reaches p; in (0, 1]
  float min_p = 0;  ///< keep those at least this fraction as likely as the most likely; in [0, 1)
  std::uint64_t seed = 0;
};

enum class Finish : std::uint8_t {
  kEos,        ///< an end token was chosen (it is the last of the ids)
  kStop,       ///< a stop text is complete; the text ends before the one that was so first
  kLength,     ///< max_tokens were made, or the context is full
  kCancelled,  ///< the caller asked to stop
};
std::string_view finish_name(Finish finish);  ///< "eos", "stop", "length", "cancelled"

struct GenerateOptions {
  std::size_t max_tokens = 128;
  SamplerOptions sampler = {};
  std::vector<std::string> stop = {};  ///< texts that end generation; an empty one is an error
  bool ignore_eos = false;             ///< end tokens are tokens like others
  const std::atomic<bool>* cancel = nullptr;
  /// Called with whole UTF-8 characters as they become certain: never a part of a character or of a
  /// stop text.
  std::function<void(std::string_view)> on_text = {};
  /// Called with the logits that each token is chosen from, before it is. Not part of any time
  /// below.
  OnLogits on_logits = {};
};

struct Generation {
  std::vector<TokenId> ids;  ///< what was made, without the prompt
  std::string text;          ///< of the ids, as on_text gave it
  Finish finish = Finish::kLength;
  std::uint64_t prefill_ns = 0;  ///< the prompt's forward pass
  std::uint64_t decode_ns = 0;   ///< the forward passes of the ids but the last, drafts included
  std::uint64_t sample_ns = 0;   ///< choosing, all ids
  std::size_t decode_steps = 0;  ///< ids run in decode_ns
  std::size_t drafted = 0;       ///< tokens guessed by prompt lookup
  std::size_t accepted = 0;      ///< of those, chosen: decode_steps less these are forward passes
};

/// Appends the prompt to the session, then one token after the other. Errors: kBadArgument for
/// options without meaning and for an empty prompt at position 0; kContextFull when the prompt does
/// not fit; kNonFiniteLogits when the model gives a NaN. Cancellation is a finish, not an error.
/// After the prompt, a token costs no allocation.
Result<Generation> generate(Session& session, std::span<const TokenId> prompt,
                            const GenerateOptions& options);

}  // namespace prumo
