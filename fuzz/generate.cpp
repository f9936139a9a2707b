// A small Llama out of the input's bytes, a prompt and options: however the prompt is cut up, on
// whichever instruction set and with however many threads, the logits are those of one token after
// the other with the scalar kernels and one thread; and what is generated is what a plain loop
// makes of such logits, with a sampler that sorts and a text put together by hand.
//
// Input: the shape (see take_shape), then the changes to its weights (u8 count, each u8 tensor, u8
// kind: below 64, another type; else u16 place, u8 value of a byte), then the prompt (u8 length, a
// byte a token), the run (u8 instruction set, u8 threads, u8 batch, u8 cache type), then cuts, and
// the options of generate.
#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "model/forward.h"
#include "prumo.h"
#include "support/check.h"
#include "support/forced_isa.h"
#include "support/sampler_reference.h"
#include "support/short_stacks.h"
#include "support/tiny_llama.h"
#include "support/utf8_oracle.h"

namespace prumo::fuzz {
namespace {

using gguf::TensorType;
using testing::GgufBuilder;
using testing::TinyShape;
using Ids = std::vector<TokenId>;
using Logits = std::vector<float>;

// Floats more often: their shapes are small.
constexpr TensorType kTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16,
                                 TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kQ4_1,
                                 TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kF32,
                                 TensorType::kF16,  TensorType::kBF16};
constexpr std::size_t kContexts[] = {3, 2, 4, 2, 1, 3, 5, 3, 2, 4, 8, 2};  // work grows with them
constexpr TokenId kEnd = 2;
constexpr std::size_t kThreads[] = {1, 2, 1, 1, 1, 1,
                                    3, 1, 1, 1, 1, 1};  // a team costs more than its work here

struct Piece {
  const char* written;
  std::int32_t type;
  const char* printed;
};
constexpr Piece kPieces[] = {
    {"<unk>", 2, ""},
    {"<s>", 3, ""},
    {"</s>", 3, ""},
    {"a", 1, "a"},
    {"b", 1, "b"},
    {"\xE2\x96\x81", 1, " "},
    {"\xE2\x96\x81"
     "ab",
     1, " ab"},
    {"<0xE2>", 6, "\xE2"},
    {"<0x82>", 6, "\x82"},
    {"<0xAC>", 6, "\xAC"},
    {"<0x41>", 6, "A"},
    {"\xC3\xA9", 1, "\xC3\xA9"},
    {"ba", 4, "ba"},
    {"<0xFF>", 6, "\xFF"},
    {"off", 5, ""},
};
constexpr const char* kStops[] = {"a",  "b",   " ",       "ab", "\xE2\x82\xAC", "\xEF\xBF\xBD",
                                  "ba", "a b", "\xC3\xA9"};

TinyShape take_shape(Input& in) {
  const auto below = [&](std::size_t n) { return in.take<std::uint8_t>() % n; };
  TinyShape s;
  s.type = kTypes[below(std::size(kTypes))];
  s.tied = below(2) == 0;
  s.output_type = s.type;
  s.layers = below(4) == 3 ? 2 : 1;
  s.kv_heads = 1 + below(2);
  if (testing::block_format(s.type).elements == 1) {
    s.heads = s.kv_heads * (1 + below(3));
    s.head_dim = 2 * (1 + below(6));
    s.embedding = 2 + below(16);
    s.ffn = 1 + below(20);
  } else {
    s.heads = s.kv_heads;
    s.head_dim = 32;
    s.embedding = 32;
    s.ffn = 32;
  }
  s.vocab = std::size(kPieces) + below(8);
  s.context = kContexts[below(std::size(kContexts))];
  s.seed = in.take<std::uint16_t>();
  return s;
}

/// The bytes of a text that grows: of the first piece that prints something after a control token
/// or a user-defined one, a leading space is the tokenizer's own and is left out.
class Printed {
 public:
  void push(TokenId id) {
    const auto i = static_cast<std::size_t>(id);
    std::string text = i < std::size(kPieces) ? kPieces[i].printed : "t" + std::to_string(i);
    const std::int32_t type = i < std::size(kPieces) ? kPieces[i].type : 1;
    if (type == 3) at_start_ = true;
    if (type != 4 && at_start_ && text.starts_with(' ')) text.erase(0, 1), at_start_ = false;
    if (!text.empty()) at_start_ = type == 4;
    bytes += text;
  }
  std::string bytes;

 private:
  bool at_start_ = false;
};

/// The file of that shape, its vocabulary the pieces above.
GgufBuilder file_of(Input& in, const TinyShape& s) {
  GgufBuilder file = testing::tiny_llama(s);
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  for (const Piece& piece : kPieces) {
    tokens.emplace_back(piece.written);
    types.push_back(piece.type);
  }
  for (std::size_t i = tokens.size(); i < s.vocab; ++i) {
    tokens.push_back("t" + std::to_string(i));
    types.push_back(1);
  }
  testing::add_vocabulary(file, tokens, types);

  for (std::size_t n = in.take<std::uint8_t>() % 8u; n > 0; --n) {
    testing::GgufTensor& tensor = file.tensors[in.take<std::uint8_t>() % file.tensors.size()];
    const auto kind = in.take<std::uint8_t>();
    const auto place = in.take<std::uint16_t>();
    const auto value = in.take<std::uint8_t>();
    if (kind >= 64) {
      tensor.data[place % tensor.data.size()] = std::byte{value};
    } else if (tensor.dims.size() == 2) {
      const TensorType type = kTypes[value % std::size(kTypes)];
      const auto columns = static_cast<std::size_t>(tensor.dims[0]);
      if (columns % testing::block_format(type).elements != 0) continue;
      testing::Bits bits(place);
      tensor.type = static_cast<std::uint32_t>(type);
      tensor.data =
          testing::random_rows(type, static_cast<std::size_t>(tensor.dims[1]), columns, bits);
    }
  }
  return file;
}

/// What no session may have, whatever the model.
void check_refusals(const Model& model, std::size_t head_dim) {
  const auto refused = [&](const SessionOptions& options, std::string_view place) {
    const auto session = Session::create(model, options);
    CHECK(!session && session.error().code == ErrorCode::kBadArgument, std::string(place));
    CHECK(session.error().place == place && !session.error().message.empty(), std::string(place));
  };
  refused({.context = model.context_length() + 1}, "context");
  refused({.batch = 0}, "batch");
  refused({.threads = 257}, "threads");
  if (head_dim % 32 != 0) refused({.cache = CacheType::kQ8_0}, "cache");
}

Model load(std::span<const std::byte> file, std::string_view isa) {
  const testing::ForcedIsa forced(isa);
  auto model = Model::load(file, 1);
  CHECK(model.ok(), model.error().place + ": " + model.error().message);
  CHECK(model->isa() == isa, std::string(isa));
  return std::move(*model);
}

/// One token after the other, on one thread, with the scalar kernels.
class Plainly {
 public:
  Plainly(const Model& model, std::size_t context, CacheType cache)
      : session_(*Session::create(
            model, {.context = context, .batch = 1, .threads = 1, .cache = cache})) {}
  void append(TokenId id) {
    const Status stepped = session_.step(id);
    CHECK(stepped.ok(), stepped.error().message);
    logits.emplace_back(session_.logits().begin(), session_.logits().end());
  }
  std::vector<Logits> logits;  ///< after each token

 private:
  Session session_;
};

void same(std::span<const float> got, const Logits& wanted, const std::string& where) {
  CHECK(got.size() == wanted.size(), where);
  const std::size_t i = testing::first_difference(got.data(), wanted.data(), got.size());
  CHECK(i == got.size(), where + ": logit " + std::to_string(i));
}

/// The prompt in pieces, some of it twice; and what must be refused on the way.
void append_in_cuts(Input& in, Session& session, const Ids& ids, const Plainly& plain,
                    const std::string& how) {
  const bool each = in.take<std::uint8_t>() % 2 == 1;
  std::size_t rewinds = in.take<std::uint8_t>() % 2u;
  std::size_t done = 0;
  while (done < ids.size()) {
    const std::size_t some = 1 + in.take<std::uint8_t>() % (ids.size() - done);
    const auto part = std::span(ids).subspan(done, some);
    const std::string where = how + ", cut " + std::to_string(done) + "+" + std::to_string(some);
    std::size_t at = done;
    const Status status =
        each ? session.evaluate(part, [&](auto logits) { same(logits, plain.logits[at++], where); })
             : session.prefill(part);
    CHECK(status.ok(), where + ": " + status.error().message);
    done += some;
    CHECK(session.position() == done && (!each || at == done), where);
    same(session.logits(), plain.logits[done - 1], where);
    const ArgmaxResult& top = session.internals().top;
    const auto best = testing::reference_sample(plain.logits[done - 1].data(),
                                                plain.logits[done - 1].size(), {}, 0);
    CHECK(top.has_nan == !best && (!best || static_cast<std::size_t>(*best) == top.index), where);
    if (rewinds > 0) {
      --rewinds;
      done = in.take<std::uint8_t>() % done;
      session.rewind(done);
    }
  }
  const Ids too_many(session.context() - session.position() + 1, 0);
  CHECK(session.prefill(too_many).error().code == ErrorCode::kContextFull, how);
  if (session.position() < session.context()) {
    const auto vocab = static_cast<TokenId>(session.logits().size());
    for (const TokenId id : {-1, vocab}) {
      CHECK(session.step(id).error().code == ErrorCode::kBadArgument, how);
    }
  }
  CHECK(session.position() == ids.size(), how);
}

/// What may be shown of these bytes: a character that may still grow waits, unless it is the end.
std::string shown(std::string_view bytes, bool end) {
  std::string whole(bytes);
  const testing::Utf8Oracle& utf8 = testing::Utf8Oracle::get();
  std::size_t at = 0;
  while (!end && at < whole.size()) {
    const Utf8Step step = utf8.step(std::string_view(whole).substr(at));
    if (step.what == Utf8::kCut) break;
    at += step.size;
  }
  if (!end) whole.resize(at);
  return utf8.repair(whole);
}

/// Where the stop text begins that is complete first, of those the longest; npos if none is.
std::size_t stopped_at(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 0; end <= text.size(); ++end) {
    std::size_t begin = std::string::npos;
    for (const std::string& stop : stops) {
      if (stop.size() <= end && text.compare(end - stop.size(), stop.size(), stop) == 0) {
        begin = std::min(begin, end - stop.size());
      }
    }
    if (begin != std::string::npos) return begin;
  }
  return std::string::npos;
}

GenerateOptions take_options(Input& in) {
  constexpr float kTemperatures[] = {0, 0, 1, 0.5f, 3, 1e-30f, -1};
  constexpr float kTopP[] = {1, 1, 0.9f, 0.25f, 0};
  constexpr float kMinP[] = {0, 0, 0.1f, 0.6f, 1};
  const auto one_of = [&](const auto& list) {
    return list[in.take<std::uint8_t>() % std::size(list)];
  };
  GenerateOptions o;
  o.max_tokens = in.take<std::uint8_t>() % 8u;
  o.sampler.temperature = one_of(kTemperatures);
  o.sampler.top_k = in.take<std::uint8_t>() % 6u;
  o.sampler.top_p = one_of(kTopP);
  o.sampler.min_p = one_of(kMinP);
  o.sampler.seed = in.take<std::uint16_t>();
  o.ignore_eos = in.take<std::uint8_t>() % 2 == 1;
  for (std::size_t n = in.take<std::uint8_t>() % 3u; n > 0; --n)
    o.stop.emplace_back(one_of(kStops));
  if (in.take<std::uint8_t>() == 255) o.stop.emplace_back();
  return o;
}

bool has_meaning(const GenerateOptions& o) {
  return o.sampler.temperature >= 0 && o.sampler.top_p > 0 && o.sampler.min_p < 1 &&
         std::find(o.stop.begin(), o.stop.end(), "") == o.stop.end();
}

struct Expected {
  bool refused = false;
  Ids ids;
  std::string text;
  Finish finish = Finish::kLength;
};

constexpr std::size_t kNever = 64;  // more tokens than there are

/// The loop as its contract says it, on logits made one token after the other; cancelled when so
/// many tokens have been made.
Expected expected_of(Plainly& plain, std::size_t position, std::size_t context,
                     const GenerateOptions& o, std::size_t cancel_after) {
  Expected out;
  Printed printed;
  const std::size_t most = std::min(o.max_tokens, context - position + 1);
  while (out.ids.size() < most) {
    if (out.ids.size() == cancel_after) {
      out.finish = Finish::kCancelled;
      break;
    }
    const Logits& logits = plain.logits[position - 1];
    const auto id = testing::reference_sample(logits.data(), logits.size(), o.sampler, position);
    if (!id) return {true, {}, "", Finish::kLength};
    out.ids.push_back(*id);
    if (*id == kEnd && !o.ignore_eos) {
      out.finish = Finish::kEos;
      break;
    }
    printed.push(*id);
    out.text = shown(printed.bytes, false);
    if (stopped_at(out.text, o.stop) != std::string::npos) break;
    if (out.ids.size() == most) break;
    plain.append(*id);
    ++position;
  }
  const std::size_t early = stopped_at(out.text, o.stop);
  if (early == std::string::npos) out.text = shown(printed.bytes, true);
  const std::size_t at = stopped_at(out.text, o.stop);
  if (at != std::string::npos) {
    out.text.resize(at);
    out.finish = Finish::kStop;
  }
  return out;
}

void check_generate(Session& session, const Ids& prompt, Plainly& plain, GenerateOptions o,
                    std::size_t cancel_after, const std::string& how) {
  std::string seen;
  std::vector<Logits> steps;
  std::atomic<bool> cancel{cancel_after == 0};
  o.on_text = [&](std::string_view text) { seen += text; };
  o.on_logits = [&](std::span<const float> logits) {
    steps.emplace_back(logits.begin(), logits.end());
    if (steps.size() == cancel_after) cancel = true;
  };
  o.cancel = &cancel;
  session.rewind(0);
  const auto made = generate(session, prompt, o);
  if (!has_meaning(o)) {
    CHECK(!made && made.error().code == ErrorCode::kBadArgument, how);
    CHECK(session.position() == 0, how);
    return;
  }
  if (cancel_after == 0) {
    CHECK(made.ok() && made->finish == Finish::kCancelled, how);
    CHECK(made->ids.empty() && made->text.empty() && session.position() == 0, how);
    return;
  }
  const Expected wanted = expected_of(plain, prompt.size(), session.context(), o, cancel_after);
  CHECK(prompt.size() + steps.size() <= plain.logits.size() + 1, how + ": too many steps");
  for (std::size_t i = 0; i < steps.size(); ++i)
    same(steps[i], plain.logits[prompt.size() - 1 + i], how + ", step " + std::to_string(i));
  if (wanted.refused) {
    CHECK(!made && made.error().code == ErrorCode::kNonFiniteLogits, how);
    return;
  }
  CHECK(made.ok(), how + ": " + made.error().message);
  CHECK(made->ids == wanted.ids && steps.size() == wanted.ids.size(), how);
  CHECK(made->text == wanted.text && seen == wanted.text,
        how + ": '" + made->text + "' is not '" + wanted.text + "'");
  CHECK(made->finish == wanted.finish, how + ": " + std::string(finish_name(made->finish)));
  CHECK(made->accepted <= made->drafted, how);
}

void run(Input& in) {
  const TinyShape shape = take_shape(in);
  const testing::Bytes bytes = file_of(in, shape).build();
  const auto file = exact_copy<std::byte>(bytes.data(), bytes.size());
  Ids ids(1 + in.take<std::uint8_t>() % shape.context);
  for (TokenId& id : ids) id = static_cast<TokenId>(in.take<std::uint8_t>() % shape.vocab);
  const auto& tables = testing::tables();
  const std::string_view isa = tables[in.take<std::uint8_t>() % tables.size()]->name;
  const std::size_t threads = kThreads[in.take<std::uint8_t>() % std::size(kThreads)];
  std::size_t batch = 1 + in.take<std::uint8_t>() % ids.size();
  const unsigned cached = in.take<std::uint8_t>();
  const CacheType cache = cached % 2 == 1                                   ? CacheType::kF32
                          : cached % 4 == 2 && shape.head_dim % kBlock == 0 ? CacheType::kQ8_0
                                                                            : CacheType::kF16;
  const std::size_t draft = cached < 128 ? 0 : cached % 16;
  if (draft != 0) batch += draft;
  const std::string how = std::string(isa) + ", " + std::to_string(threads) + " threads, batch " +
                          std::to_string(batch);

  const Model model = load({file.get(), bytes.size()}, isa);
  std::optional<Model> other;
  if (isa != tables[0]->name) other = load({file.get(), bytes.size()}, tables[0]->name);
  Plainly plain(other ? *other : model, shape.context, cache);
  for (const TokenId id : ids) plain.append(id);
  auto session = Session::create(model, {.context = shape.context,
                                         .batch = batch,
                                         .threads = threads,
                                         .cache = cache,
                                         .draft = draft});
  CHECK(session.ok(), how);
  check_refusals(model, shape.head_dim);
  append_in_cuts(in, *session, ids, plain, how);
  const GenerateOptions options = take_options(in);
  const std::size_t cancel = in.take<std::uint8_t>();
  check_generate(*session, ids, plain, options, cancel < 192 ? kNever : cancel % 8, how);
}

}  // namespace
}  // namespace prumo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  prumo::fuzz::Input in(data, size);
  prumo::fuzz::run(in);
  return 0;
}
