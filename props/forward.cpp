// Laws of the forward pass on small Llamas of any shape and weight type: one token at a time on one
// thread with the scalar kernels is what every other way must give, to the bit.
#include "model/forward.h"

#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <vector>

#include "prumo.h"
#include "support/forced_isa.h"
#include "support/gen.h"
#include "support/tables.h"
#include "support/tiny_llama.h"

namespace prumo::testing {

static std::ostream& operator<<(std::ostream& out, const TinyShape& s) {
  return out << "{.embedding = " << s.embedding << ", .layers = " << s.layers
             << ", .heads = " << s.heads << ", .kv_heads = " << s.kv_heads
             << ", .head_dim = " << s.head_dim << ", .ffn = " << s.ffn << ", .vocab = " << s.vocab
             << ", .context = " << s.context << ", .type = TensorType{"
             << static_cast<unsigned>(s.type) << "}, .output_type = TensorType{"
             << static_cast<unsigned>(s.output_type) << "}, .tied = " << s.tied
             << ", .seed = " << s.seed << "u}";
}

namespace {

using gguf::TensorType;
using Ids = std::vector<TokenId>;
using LogitBits = std::vector<std::uint32_t>;

std::size_t between(std::size_t least, std::size_t most) {
  return *rc::gen::inRange(least, most + 1);
}

// The same without beginning small.
std::size_t anywhere(std::size_t least, std::size_t most) {
  return *full_range(rc::gen::inRange(least, most + 1));
}

// Heads that fill no panel, groups of 1 to 8 queries or of 30, vocabularies that fill no panel.
// Rows of the quantized types are whole blocks.
TinyShape any_shape(std::size_t context) {
  TinyShape s;
  s.type = *rc::gen::elementOf(std::vector<TensorType>(kTensorTypes.begin(), kTensorTypes.end()));
  s.tied = *rc::gen::arbitrary<bool>();
  s.output_type = *rc::gen::element(s.type, TensorType::kF32, TensorType::kF16);
  const std::size_t block = block_format(s.type).elements;
  s.kv_heads = *rc::gen::element<std::size_t>(1, 1, 2, 3);
  s.heads = s.kv_heads * *rc::gen::element<std::size_t>(1, 2, 3, 8);
  s.layers = between(1, 3);
  if (block == 1) {
    s.head_dim = 2 * between(1, 20);
    s.embedding = between(8, 50);
    s.ffn = between(8, 70);
    if (s.kv_heads == 1 && s.head_dim <= 32) s.heads = *rc::gen::element(s.heads, s.heads, 30ul);
  } else {
    // heads * head_dim is a multiple of the block.
    s.head_dim = block == 256 ? 256 : *rc::gen::element<std::size_t>(32, 64, 96);
    if (block == 256) s.kv_heads = 1, s.heads = *rc::gen::element<std::size_t>(1, 3);
    s.embedding = block * between(1, block == 256 ? 1 : 3);
    s.ffn = block * between(1, block == 256 ? 1 : 3);
  }
  s.vocab = between(259, 300);
  s.context = context;
  s.seed = *rc::gen::arbitrary<std::uint64_t>();
  return s;
}

Ids any_ids(std::size_t n, std::size_t vocab) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  Ids ids(n);
  for (TokenId& id : ids) id = static_cast<TokenId>(bits.below(vocab));
  return ids;
}

CacheType any_cache(const TinyShape& shape) {
  const auto type = *rc::gen::element(CacheType::kF16, CacheType::kF32, CacheType::kQ8_0);
  return shape.head_dim % kBlock == 0 ? type : CacheType::kF16;
}

Model loaded(const Bytes& file, std::string_view isa) {
  const ForcedIsa forced(isa);
  auto model = Model::load(file, 1);
  if (!model) RC_FAIL(model.error().place + ": " + model.error().message);
  return std::move(*model);
}

std::string_view any_isa() {
  return (*rc::gen::elementOf(tables()))->name;
}

LogitBits bits_of(const Session& session) {
  LogitBits bits(session.logits().size());
  std::memcpy(bits.data(), session.logits().data(), bits.size() * sizeof(float));
  return bits;
}

// The logits after every token, one at a time.
std::vector<LogitBits> plainly(const Model& model, CacheType cache, const Ids& ids) {
  auto session = Session::create(model, {.batch = 1, .threads = 1, .cache = cache});
  RC_ASSERT(session.ok());
  std::vector<LogitBits> all;
  for (const TokenId id : ids) {
    RC_ASSERT(session->step(id).ok());
    all.push_back(bits_of(*session));
  }
  return all;
}

// Any set, threads, batch and cuts; logits are looked at wherever the prompt is cut.
RC_GTEST_PROP(ForwardLaw, HoweverTheWorkIsCutUpTheLogitsAreThose, ()) {
  const TinyShape shape = any_shape(64);
  RC_LOG() << shape << '\n';
  const Bytes file = tiny_llama(shape).build();
  const Ids ids = any_ids(between(1, 40), shape.vocab);
  const CacheType cache = any_cache(shape);
  const auto expected = plainly(loaded(file, "scalar"), cache, ids);
  for (const Kernels* table : tables()) {
    const Model model = loaded(file, table->name);
    const std::size_t threads = between(1, 8);
    const std::size_t batch = between(1, ids.size() + 1);
    const bool alone = between(0, 1) == 1;  // small passes, on one of the threads
    RC_LOG() << table->name << ", " << threads << " threads" << (alone ? " or one" : "")
             << ", batch " << batch << '\n';
    auto session = Session::create(model, {.batch = batch, .threads = threads, .cache = cache});
    RC_ASSERT(session.ok());
    session->internals().may_be_alone = alone;
    for (std::size_t done = 0; done < ids.size();) {
      const std::size_t some = between(1, ids.size() - done);
      RC_ASSERT(session->prefill(std::span(ids).subspan(done, some)).ok());
      done += some;
      RC_ASSERT(bits_of(*session) == expected[done - 1]);
    }
  }
}

// A batch of n is n singles: the keys and values that it leaves, too, since what follows is the
// same.
RC_GTEST_PROP(ForwardLaw, ABatchIsItsTokens, ()) {
  const TinyShape shape = any_shape(64);
  RC_LOG() << shape << '\n';
  const Bytes file = tiny_llama(shape).build();
  const Model model = loaded(file, any_isa());
  const std::size_t n = between(2, 40);
  const Ids ids = any_ids(n + 6, shape.vocab);
  const CacheType cache = any_cache(shape);
  const auto expected = plainly(model, cache, ids);
  auto session = Session::create(model, {.batch = n, .threads = between(1, 3), .cache = cache});
  RC_ASSERT(session.ok());
  RC_ASSERT(session->prefill(std::span(ids).first(n)).ok());
  RC_ASSERT(bits_of(*session) == expected[n - 1]);
  for (std::size_t i = n; i < ids.size(); ++i) {
    RC_ASSERT(session->step(ids[i]).ok());
    RC_ASSERT(bits_of(*session) == expected[i]);
  }
}

// A session that has been elsewhere, and anywhere, and came back: batches, panels of 16 positions
// and ranges of 256 keys are crossed both ways.
RC_GTEST_PROP(ForwardLaw, RewindAndReplayLeaveNoTrace, ()) {
  const bool far = *rc::gen::weightedElement<bool>({{5, false}, {1, true}});
  const std::size_t room = far ? 300 : 60;
  TinyShape shape = any_shape(room);
  if (far) shape.layers = 2;  // of one layer the keys know nothing of attention
  RC_LOG() << shape << '\n';
  const Bytes file = tiny_llama(shape).build();
  const Model model = loaded(file, far ? tables().back()->name : any_isa());
  const CacheType cache = any_cache(shape);
  const Ids ids = any_ids(room, shape.vocab);
  const auto expected = plainly(model, cache, ids);
  auto session =
      Session::create(model, {.batch = anywhere(1, 50), .threads = between(1, 2), .cache = cache});
  RC_ASSERT(session.ok());
  const auto turns = between(1, 5);
  for (std::size_t turn = 0; turn < turns; ++turn) {
    // Somewhere else, from a place that both have in common.
    const std::size_t common = anywhere(0, session->position());
    session->rewind(common);
    RC_ASSERT(session->position() == common);
    const Ids other = any_ids(anywhere(0, room - common), shape.vocab);
    RC_ASSERT(session->prefill(other).ok());
    session->rewind(common);
    const std::size_t to = anywhere(common, room);
    RC_LOG() << "common " << common << ", elsewhere " << other.size() << ", to " << to << '\n';
    RC_ASSERT(session->prefill(std::span(ids).subspan(common, to - common)).ok());
    RC_ASSERT(session->position() == to);
    if (to > common) RC_ASSERT(bits_of(*session) == expected[to - 1]);
  }
}

// What comes after a token cannot change what it gave, nor can room that is not used.
RC_GTEST_PROP(ForwardLaw, NeitherTheFutureNorSpareRoomCounts, ()) {
  const TinyShape shape = any_shape(64);
  RC_LOG() << shape << '\n';
  const Bytes file = tiny_llama(shape).build();
  const Model model = loaded(file, any_isa());
  const Ids ids = any_ids(between(1, 30), shape.vocab);
  const CacheType cache = any_cache(shape);
  const auto expected = plainly(model, cache, ids);
  auto tight = Session::create(model, {.context = ids.size(), .threads = 1, .cache = cache});
  RC_ASSERT(tight.ok());
  RC_ASSERT(tight->prefill(ids).ok());
  RC_ASSERT(bits_of(*tight) == expected.back());
}

}  // namespace
}  // namespace prumo::testing
