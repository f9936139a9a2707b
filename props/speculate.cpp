// Laws of speculation: with drafts or without, of any model, options and kernels, everything that
// comes out is the same; the index finds what a search finds; the budget keeps to its bound.
#include "generate/speculate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <string>
#include <vector>

#include "model/forward.h"
#include "prumo.h"
#include "support/forced_isa.h"
#include "support/gen.h"
#include "support/tables.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

using gguf::TensorType;
using Ids = std::vector<TokenId>;

std::size_t between(std::size_t least, std::size_t most) {
  return *full_range(rc::gen::inRange(least, most + 1));
}

TinyShape any_shape(std::size_t context) {
  TinyShape s;
  s.type = *rc::gen::element(TensorType::kF32, TensorType::kQ8_0, TensorType::kQ4_0);
  s.tied = *rc::gen::arbitrary<bool>();
  s.output_type = *rc::gen::element(s.type, TensorType::kF16);
  s.kv_heads = between(1, 2);
  s.heads = s.kv_heads * between(1, 3);
  s.head_dim = 32;
  s.embedding = 32 * between(1, 2);
  s.ffn = 32 * between(1, 2);
  s.layers = between(1, 2);
  s.vocab = between(259, 300);
  s.context = context;
  s.seed = *rc::gen::arbitrary<std::uint64_t>();
  return s;
}

// Tokens among a few or among all, with some of it repeated.
Ids any_prompt(std::size_t n, std::size_t vocab) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const std::size_t few = *rc::gen::element<std::size_t>(2, 10, vocab);
  Ids ids;
  while (ids.size() < n) {
    if (ids.size() > 4 && bits.below(3) == 0) {
      const std::size_t from = bits.below(ids.size());
      for (std::size_t i = 0; i < 8 && ids.size() < n; ++i) ids.push_back(ids[from + i]);
    } else {
      ids.push_back(static_cast<TokenId>(bits.below(few)));
    }
  }
  return ids;
}

SamplerOptions any_sampler() {
  SamplerOptions o;
  o.temperature = *rc::gen::element(0.0f, 0.0f, 0.1f, 0.8f, 30.0f);
  o.top_k = *rc::gen::element<std::size_t>(0, 3, 40);
  o.top_p = *rc::gen::element(1.0f, 0.9f, 0.3f);
  o.seed = *rc::gen::arbitrary<std::uint64_t>();
  return o;
}

// All that a caller can see of two generations, the second going on from the first.
struct Seen {
  Ids ids;
  std::string text;
  std::vector<std::string> pieces;
  std::vector<Finish> finish;
  std::vector<std::vector<std::uint32_t>> logits;
  std::size_t position = 0;
  std::size_t steps = 0;
  bool operator==(const Seen&) const = default;
};

struct Case {
  Ids prompt;
  Ids more;  // the second prompt
  GenerateOptions options;
  std::size_t cancel_at;  // the token before which the caller asks to stop
};

std::vector<std::uint32_t> bits_of(std::span<const float> x) {
  std::vector<std::uint32_t> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::bit_cast<std::uint32_t>(x[i]);
  return out;
}

Seen seen(const Model& model, const SessionOptions& how, const Case& c, std::size_t* accepted) {
  auto session = Session::create(model, how);
  RC_ASSERT(session.ok());
  Seen out;
  std::atomic<bool> cancel{false};
  GenerateOptions options = c.options;
  options.cancel = &cancel;
  options.on_text = [&](std::string_view piece) { out.pieces.emplace_back(piece); };
  options.on_logits = [&](std::span<const float> logits) {
    out.logits.push_back(bits_of(logits));
    if (out.logits.size() == c.cancel_at) cancel = true;
  };
  for (const Ids* prompt : {&c.prompt, &c.more}) {
    if (prompt->size() > session->context() - session->position()) break;
    const auto made = generate(*session, *prompt, options);
    if (!made) RC_FAIL(made.error().message);
    out.ids.insert(out.ids.end(), made->ids.begin(), made->ids.end());
    out.text += made->text;
    out.finish.push_back(made->finish);
    out.steps += made->decode_steps;
    out.logits.push_back(bits_of(session->logits()));
    RC_ASSERT(made->accepted <= made->drafted);
    if (how.draft == 0) RC_ASSERT(made->drafted == 0u);
    *accepted += made->accepted;
  }
  out.position = session->position();
  return out;
}

RC_GTEST_PROP(SpeculateLaw, DraftsChangeNothingThatCanBeSeen, ()) {
  const TinyShape shape = any_shape(between(20, 90));
  const Bytes file = tiny_llama(shape).build();
  Case c{any_prompt(between(1, shape.context), shape.vocab),
         any_prompt(between(0, 10), shape.vocab),
         {.max_tokens = between(0, 70),
          .sampler = any_sampler(),
          .ignore_eos = *rc::gen::arbitrary<bool>()},
         *rc::gen::weightedOneOf<std::size_t>(
             {{3, rc::gen::just<std::size_t>(0)},
              {1, full_range(rc::gen::inRange<std::size_t>(1, 60))}})};
  std::size_t accepted = 0;
  const ForcedIsa plain_isa((*rc::gen::elementOf(tables()))->name);
  const Model plain_model = *Model::load(file, 1);
  const CacheType cache = *rc::gen::element(CacheType::kF16, CacheType::kF32, CacheType::kQ8_0);
  const SessionOptions plain{.threads = 1, .cache = cache};
  // A stop text that is likely to appear: some of what appears.
  if (*rc::gen::weightedElement<bool>({{2, false}, {1, true}})) {
    const Seen whole = seen(plain_model, plain, c, &accepted);
    if (!whole.text.empty()) {
      const std::size_t at = between(0, whole.text.size() - 1);
      c.options.stop = {whole.text.substr(at, between(1, 6))};
    }
  }
  const Seen expected = seen(plain_model, plain, c, &accepted);
  for (const Kernels* table : tables()) {
    const ForcedIsa isa(table->name);
    const Model model = *Model::load(file, 1);
    const SessionOptions how{.batch = *rc::gen::element<std::size_t>(1, 2, 5, 512),
                             .threads = between(1, 3),
                             .cache = cache,
                             .draft = between(1, 20)};
    RC_ASSERT(seen(model, how, c, &accepted) == expected);
  }
  RC_CLASSIFY(accepted > 0, "some accepted");
}

// What is drafted is bounded by the session's draft and by what may still be chosen: the token
// after a draft is the last that could be. What is chosen repeats itself, so drafts are long, and
// often right.
RC_GTEST_PROP(SpeculateLaw, ADraftIsNoLongerThanWhatIsLeft, ()) {
  const std::size_t context = between(4, 60);
  const TinyShape shape = any_shape(context);
  const Bytes file = tiny_llama(shape).build();
  const ForcedIsa isa((*rc::gen::elementOf(tables()))->name);
  const Model model = *Model::load(file, 1);
  const std::size_t draft = between(1, 20);
  auto session = Session::create(model, {.threads = 1, .draft = draft});
  RC_ASSERT(session.ok());
  const std::size_t prompt = between(1, context - 1);
  const std::size_t most = between(1, context - prompt);
  const Ids unit = any_prompt(between(1, 4), shape.vocab);
  Ids ids;
  while (ids.size() < prompt + most) ids.push_back(unit[ids.size() % unit.size()]);
  RC_ASSERT(session->prefill(std::span(ids).first(prompt)).ok());
  Speculation speculation(*session, std::span(ids).first(prompt), most);
  std::size_t drafted = 0;
  for (std::size_t made = 0; made < most; ++made) {
    const std::size_t left = most - made;
    RC_ASSERT(speculation.advance(ids[prompt + made], left).ok());
    RC_ASSERT(session->position() == prompt + made + 1);
    const std::size_t now = speculation.drafted() - drafted;
    RC_ASSERT(now < left);
    RC_ASSERT(now <= std::min(draft, context - 1));
    drafted = speculation.drafted();
  }
  RC_CLASSIFY(drafted > 0, "some drafted");
}

// The rows of a batch are the logits of single steps, whatever is thrown away afterwards.
RC_GTEST_PROP(SpeculateLaw, AnyDraftCanBeTakenBackAfterAnyOfItsTokens, ()) {
  const TinyShape shape = any_shape(60);
  const Bytes file = tiny_llama(shape).build();
  const ForcedIsa isa((*rc::gen::elementOf(tables()))->name);
  const Model model = *Model::load(file, 1);
  const Ids ids = any_prompt(60, shape.vocab);
  auto plain = Session::create(model, {.threads = 1});
  auto session = Session::create(model, {.threads = between(1, 3), .draft = 20});
  RC_ASSERT(plain.ok() && session.ok());
  SessionState& state = session->internals();
  while (plain->position() < ids.size()) {
    const std::size_t at = plain->position();
    Ids batch = any_prompt(between(1, std::min<std::size_t>(20, ids.size() - at)), shape.vocab);
    const std::size_t right = between(1, batch.size());  // tokens that turn out to be wanted
    std::copy_n(ids.begin() + static_cast<std::ptrdiff_t>(at), right, batch.begin());
    const std::size_t wanted = between(batch.size() - right + 1, batch.size());
    state.forward(batch, wanted);
    for (std::size_t i = 0; i < right; ++i) {
      RC_ASSERT(plain->step(ids[at + i]).ok());
      if (i + wanted < batch.size()) continue;
      state.show_logits(i + wanted - batch.size());
      RC_ASSERT(bits_of(session->logits()) == bits_of(plain->logits()));
      RC_ASSERT(state.top == plain->internals().top);
    }
    session->rewind(plain->position());
  }
}

// Straight from the contract.
bool searched(const Ids& tokens, std::span<TokenId> out) {
  const std::size_t n = tokens.size();
  for (const std::size_t length : PromptIndex::kLengths) {
    for (std::size_t end = n; end-- > length;) {
      if (!std::equal(tokens.end() - static_cast<std::ptrdiff_t>(length), tokens.end(),
                      tokens.begin() + static_cast<std::ptrdiff_t>(end - length))) {
        continue;
      }
      for (std::size_t j = 0; j < out.size(); ++j) out[j] = tokens[end + j % (n - end)];
      return true;
    }
  }
  return false;
}

RC_GTEST_PROP(SpeculateLaw, TheIndexFindsWhatASearchFinds, ()) {
  const Ids all = any_prompt(between(0, 120), 300);
  PromptIndex index(all.size());
  Ids tokens;
  for (const TokenId id : all) {
    index.append(id);
    tokens.push_back(id);
    Ids found(between(0, 20), -1);
    Ids expected = found;
    RC_ASSERT(index.guess(found) == searched(tokens, expected));
    RC_ASSERT(found == expected);
  }
}

RC_GTEST_PROP(SpeculateLaw, WhatRefusedDraftsMayCostIsBounded, ()) {
  const std::size_t price = *rc::gen::element<std::size_t>(1, 3, 4);
  const std::size_t most = between(1, 40);
  DraftBudget budget(price, most);
  const std::size_t tokens = between(0, 400);
  const std::size_t luck = between(0, 4);  // quarters of the drafts that are good
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  std::size_t drafted = 0;
  std::size_t accepted = 0;
  for (std::size_t i = 1; i <= tokens; ++i) {
    budget.token_made();
    RC_ASSERT(budget.length() <= most);
    if (budget.length() == 0) continue;
    const std::size_t n = 1 + bits.below(budget.length());
    const std::size_t good = bits.below(4) < luck ? n : bits.below(n + 1) / 2;
    budget.settle(n, good);
    drafted += n;
    accepted += good;
    i += good;
    for (std::size_t k = 0; k < good; ++k) budget.token_made();
    RC_ASSERT(price * drafted <= 8 + 4 * accepted + i / 16);
    if (good == n) RC_ASSERT(budget.length() <= 2 * n + 1);
    if (good < n) RC_ASSERT(budget.length() <= good + 1);
  }
}

}  // namespace
}  // namespace prumo::testing
