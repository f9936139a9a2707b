// The public Model and Session: memory is sized, checked and laid out here, before the first token.
#include <algorithm>
#include <cassert>
#include <utility>

#include "base/float_guard.h"
#include "model/forward.h"
#include "model/rope_table.h"
#include "prumo.h"

namespace prumo {
namespace {

constexpr std::size_t kLine = 64;

// What scratch memory depends on beside the model.
struct Sizes {
  std::size_t batch;
  std::size_t context;
  std::size_t threads;
  std::size_t logit_rows;
};

Sizes sizes_of(const Config& config, const SessionOptions& options, std::size_t threads) {
  const std::size_t context = options.context == 0 ? config.context_length : options.context;
  const std::size_t batch = std::min(options.batch, context);
  return {batch, context, threads, 1 + std::min(options.draft, batch - 1)};
}

// Names every piece of scratch once: called first to add up sizes, then to place them.
template <class Take>
void lay_out(Scratch& scratch, const Config& c, const Sizes& sizes, Take&& take) {
  const auto [batch, context, threads, logit_rows] = sizes;
  const std::size_t widest = std::max({c.embedding, c.q_dim(), c.ffn});
  const std::size_t blocks = widest / kBlock * sizeof(QuantizedBlock);
  const std::size_t ranges = (context + kKeyRange - 1) / kKeyRange;
  const std::size_t value_stride = round_up(c.head_dim, kPanelRows);
  const auto floats = [&](std::size_t n) { return static_cast<float*>(take(n * sizeof(float))); };

  scratch.x = floats(batch * c.embedding);
  scratch.floats = floats(batch * widest);
  scratch.blocks = static_cast<QuantizedBlock*>(take(batch * blocks));
  scratch.q = floats(batch * round_up(c.q_dim(), kPanelRows));
  scratch.k = floats(batch * round_up(c.kv_dim(), kPanelRows));
  scratch.v = floats(batch * round_up(c.kv_dim(), kPanelRows));
  scratch.attention = floats(batch * c.q_dim());
  scratch.projected = floats(batch * round_up(c.embedding, kPanelRows));
  scratch.gate = floats(batch * round_up(c.ffn, kPanelRows));
  scratch.up = floats(batch * round_up(c.ffn, kPanelRows));
  scratch.logits = floats(logit_rows * round_up(c.vocab, kPanelRows));
  scratch.logit_rows = logit_rows;
  scratch.max = floats(ranges * c.heads);
  scratch.sum = floats(ranges * c.heads);
  scratch.out = floats(ranges * c.heads * value_stride);
  scratch.rope = floats(context * c.head_dim);
  scratch.own.resize(threads);
  for (OwnScratch& own : scratch.own) {
    own.floats = floats(widest);
    own.blocks = static_cast<QuantizedBlock*>(take(blocks));
    own.merged = floats(c.q_dim());
    const std::size_t rows = attention_tokens(c) * c.group();
    own.queries = static_cast<QuantizedBlock*>(
        take(rows * round_up(c.head_dim, kBlock) / kBlock * sizeof(QuantizedBlock)));
    own.scores = floats(rows * kKeyRange);
    own.max = floats(ranges * rows);
    own.sum = floats(ranges * rows);
    own.out = floats(ranges * rows * value_stride);
  }
}

std::size_t scratch_bytes(const Config& config, const Sizes& sizes) {
  Scratch scratch;
  std::size_t bytes = 0;
  lay_out(scratch, config, sizes, [&](std::size_t n) -> void* {
    bytes += Arena::cost(std::max<std::size_t>(n, 1), kLine);
    return nullptr;
  });
  return bytes;
}

Error too_long(std::size_t wanted, std::size_t context) {
  return {ErrorCode::kContextFull, "context",
          "There is room for " + std::to_string(context) + " tokens and " + std::to_string(wanted) +
              " are needed; shorten the prompt or make the context larger."};
}

}  // namespace

Model::Model(std::unique_ptr<LoadedModel> loaded) : loaded_(std::move(loaded)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Result<Model> Model::load(const std::string& path, std::size_t threads) {
  auto mapping = MappedFile::open(path);
  if (!mapping) return mapping.error();
  const auto bytes = mapping->bytes();
  auto loaded = LoadedModel::load(bytes, std::move(*mapping), threads);
  if (!loaded) return loaded.error();
  return Model(std::move(*loaded));
}

Result<Model> Model::load(std::span<const std::byte> image, std::size_t threads) {
  auto loaded = LoadedModel::load(image, std::nullopt, threads);
  if (!loaded) return loaded.error();
  return Model(std::move(*loaded));
}

std::vector<TokenId> Model::tokenize(std::string_view text, bool bos) const {
  return loaded_->tokenizer.encode(text, bos);
}
std::string Model::detokenize(std::span<const TokenId> ids) const {
  return loaded_->tokenizer.decode(ids);
}
std::size_t Model::vocab_size() const {
  return loaded_->config.vocab;
}
std::size_t Model::context_length() const {
  return loaded_->config.context_length;
}
std::string_view Model::isa() const {
  return loaded_->kernels->name;
}

std::size_t SessionState::bytes(const Config& config, const SessionOptions& options,
                                std::size_t threads) {
  const Sizes sizes = sizes_of(config, options, threads);
  return KvCache::bytes(config, sizes.context, options.cache) + scratch_bytes(config, sizes);
}

Result<std::unique_ptr<SessionState>> SessionState::create(const Model& model,
                                                           const SessionOptions& options) {
  const LoadedModel& loaded = model.internals();
  const Config& config = loaded.config;
  const std::size_t context = options.context == 0 ? config.context_length : options.context;
  if (context > config.context_length) {
    return Error{ErrorCode::kBadArgument, "context",
                 "A context of " + std::to_string(context) + " is more than the model's " +
                     std::to_string(config.context_length) + "."};
  }
  if (options.batch == 0) {
    return Error{ErrorCode::kBadArgument, "batch", "A batch needs at least 1 token."};
  }
  if (options.cache == CacheType::kQ8_0 && config.head_dim % kBlock != 0) {
    return Error{ErrorCode::kBadArgument, "cache",
                 "A Q8_0 cache needs heads of a multiple of 32 elements, and this model's have " +
                     std::to_string(config.head_dim) + "; use an F16 one."};
  }
  const auto threads = resolve_threads(options.threads);
  if (!threads) return threads.error();
  const Sizes sizes = sizes_of(config, options, *threads);

  auto cache = KvCache::create(config, *loaded.kernels, context, options.cache);
  if (!cache) return cache.error();
  auto arena = Arena::create(scratch_bytes(config, sizes));
  if (!arena) return arena.error();
  auto team = ThreadTeam::create(*threads);
  if (!team) return team.error();

  Scratch scratch;
  lay_out(scratch, config, sizes, [&](std::size_t n) -> void* {
    void* at = arena->allocate(std::max<std::size_t>(n, 1), kLine);
    assert(at != nullptr);
    return at;
  });
  const FloatGuard guard;
  fill_rope_table(scratch.rope, context, config.head_dim / 2, config.rope_base, config.rope_scale,
                  loaded.weights.rope_divisors);
  auto state = std::make_unique<SessionState>(
      SessionState{&loaded, std::move(*team), std::move(*cache), std::move(*arena),
                   std::move(scratch), sizes.batch, context});
  state->top_of.resize(*threads * sizes.logit_rows);
  state->may_be_alone = options.threads == 0;
  return state;
}

Session::Session(std::unique_ptr<SessionState> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  auto state = SessionState::create(model, options);
  if (!state) return state.error();
  return Session(std::move(*state));
}

namespace {

// Whether these tokens may be appended.
Status may_append(const SessionState& s, std::span<const TokenId> ids) {
  if (ids.size() > s.context - s.position) return too_long(s.position + ids.size(), s.context);
  const std::size_t vocab = s.loaded->config.vocab;
  for (TokenId id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocab) {
      return Error{ErrorCode::kBadArgument, "token " + std::to_string(id),
                   "The vocabulary has tokens 0 to " + std::to_string(vocab - 1) + "."};
    }
  }
  return success();
}

// Calls append(part, whether it is the last) for each batch of the tokens.
template <class Append>
Status append_in_batches(const SessionState& s, std::span<const TokenId> ids,
                         const std::atomic<bool>* cancel, Append&& append) {
  if (auto status = may_append(s, ids); !status) return status;
  while (!ids.empty()) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      return Error{ErrorCode::kCancelled, "", "Cancelled."};
    }
    const std::size_t n = std::min(ids.size(), s.batch);
    append(ids.first(n), n == ids.size());
    ids = ids.subspan(n);
  }
  return success();
}

}  // namespace

Status Session::prefill(std::span<const TokenId> ids, const std::atomic<bool>* cancel) {
  return append_in_batches(*state_, ids, cancel, [&](std::span<const TokenId> part, bool last) {
    state_->forward(part, last ? 1 : 0);
  });
}

Status Session::evaluate(std::span<const TokenId> ids, const OnLogits& each,
                         const std::atomic<bool>* cancel) {
  return append_in_batches(*state_, ids, cancel, [&](std::span<const TokenId> part, bool) {
    state_->forward_each(part, each);
  });
}

std::span<const float> Session::logits() const {
  return {state_->shown(), state_->loaded->config.vocab};
}
std::size_t Session::position() const {
  return state_->position;
}
std::size_t Session::context() const {
  return state_->context;
}
std::size_t Session::threads() const {
  return state_->team->size();
}

void Session::rewind(std::size_t position) {
  assert(position <= state_->position);
  state_->position = position;
}

}  // namespace prumo
