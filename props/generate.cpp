// Laws of the loop, on small Llamas and the built-in model: what is asked for decides where a
// generation ends and never what it says before.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "cli/builtin.h"
#include "prumo.h"
#include "support/gen.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

constexpr std::size_t kMost = 24;

const Model& model() {
  static const Model built_in = *Model::load(builtin_model(), 1);
  return built_in;
}

std::vector<TokenId> any_prompt() {
  const auto vocab = static_cast<TokenId>(model().vocab_size());
  std::vector<TokenId> ids = {1};
  const auto more =
      *rc::gen::container<std::vector<TokenId>>(full_range(rc::gen::inRange<TokenId>(3, vocab)));
  ids.insert(ids.end(), more.begin(), more.begin() + std::min<std::ptrdiff_t>(6, std::ssize(more)));
  return ids;
}

// Greedy, nearly so, or hot.
SamplerOptions any_sampler() {
  SamplerOptions o;
  o.temperature = *rc::gen::element(0.0f, 0.5f, 0.8f, 1.5f, 30.0f);
  o.top_k = *rc::gen::element<std::size_t>(0, 1, 5, 40);
  o.top_p = *rc::gen::element(1.0f, 0.9f, 0.3f);
  o.min_p = *rc::gen::element(0.0f, 0.05f);
  o.seed = *rc::gen::arbitrary<std::uint64_t>();
  return o;
}

Generation made(const std::vector<TokenId>& prompt, const GenerateOptions& options) {
  auto session = Session::create(model(), {.context = 40, .threads = 1});
  RC_ASSERT(session.ok());
  auto result = generate(*session, prompt, options);
  if (!result) RC_FAIL(result.error().message);
  return *std::move(result);
}

RC_GTEST_PROP(GenerateLaw, FewerTokensAreABeginningOfMore, ()) {
  const auto prompt = any_prompt();
  const SamplerOptions sampler = any_sampler();
  const bool ignore_eos = *rc::gen::arbitrary<bool>();
  const auto n = *full_range(rc::gen::inRange<std::size_t>(0, kMost));
  const auto more = *full_range(rc::gen::inRange<std::size_t>(n, kMost + 1));
  const Generation some =
      made(prompt, {.max_tokens = n, .sampler = sampler, .ignore_eos = ignore_eos});
  const Generation all =
      made(prompt, {.max_tokens = more, .sampler = sampler, .ignore_eos = ignore_eos});
  RC_ASSERT(some.ids.size() <= n);
  RC_ASSERT(std::equal(some.ids.begin(), some.ids.end(), all.ids.begin(),
                       all.ids.begin() + std::min(std::ssize(some.ids), std::ssize(all.ids))));
  RC_ASSERT(some.ids.size() == std::min(n, all.ids.size()));
  if (some.ids.size() < n) RC_ASSERT(some.finish == Finish::kEos);
}

// A draw knows its seed and position and nothing of the draws before: made in two parts, or with
// the first part given as a prompt, it is the same text.
RC_GTEST_PROP(GenerateLaw, ATokenDependsOnTextSeedAndPositionAlone, ()) {
  const auto prompt = any_prompt();
  const SamplerOptions sampler = any_sampler();
  const Generation whole =
      made(prompt, {.max_tokens = kMost, .sampler = sampler, .ignore_eos = true});
  RC_ASSERT(whole.ids.size() == kMost);
  const auto cut = *full_range(rc::gen::inRange<std::size_t>(1, kMost));
  const auto middle = whole.ids.begin() + static_cast<std::ptrdiff_t>(cut);
  std::vector<TokenId> longer = prompt;
  longer.insert(longer.end(), whole.ids.begin(), middle);
  const Generation rest =
      made(longer, {.max_tokens = kMost - cut, .sampler = sampler, .ignore_eos = true});
  RC_ASSERT(std::equal(middle, whole.ids.end(), rest.ids.begin(), rest.ids.end()));
}

// What a search of the whole text finds, stop or no stop: the text before it, and its finish.
RC_GTEST_PROP(GenerateLaw, AStopTextCutsTheTextThatWouldHaveBeen, ()) {
  const auto prompt = any_prompt();
  const SamplerOptions sampler = any_sampler();
  const Generation whole =
      made(prompt, {.max_tokens = kMost, .sampler = sampler, .ignore_eos = true});
  std::vector<std::string> stops;
  const auto n = *rc::gen::inRange(0, 4);
  for (int i = 0; i < n; ++i) {
    // Out of the text itself, or something that may not be in it.
    if (!whole.text.empty() && *rc::gen::weightedElement<bool>({{3, true}, {1, false}})) {
      const auto at = *full_range(rc::gen::inRange<std::size_t>(0, whole.text.size()));
      stops.push_back(whole.text.substr(at, 1 + *rc::gen::inRange<std::size_t>(0, 6)));
    } else {
      stops.push_back(*rc::gen::nonEmpty(rc::gen::string<std::string>()));
    }
  }
  // The one that ends first, and of those the longest.
  std::size_t first = std::string::npos;
  std::size_t end = std::string::npos;
  for (const std::string& stop : stops) {
    const std::size_t at = whole.text.find(stop);
    if (at == std::string::npos || at + stop.size() > end) continue;
    first = at + stop.size() < end ? at : std::min(first, at);
    end = at + stop.size();
  }
  std::string shown;
  const Generation got = made(prompt, {.max_tokens = kMost,
                                       .sampler = sampler,
                                       .stop = stops,
                                       .ignore_eos = true,
                                       .on_text = [&](std::string_view piece) { shown += piece; }});
  RC_ASSERT(got.text == whole.text.substr(0, first));
  RC_ASSERT(shown == got.text);
  RC_ASSERT((got.finish == Finish::kStop) == (first != std::string::npos));
  RC_ASSERT(std::equal(got.ids.begin(), got.ids.end(), whole.ids.begin(),
                       whole.ids.begin() + std::ssize(got.ids)));
  if (first == std::string::npos) RC_ASSERT(got.ids == whole.ids);
}

// Every piece that is shown is whole characters, and together they are the text.
RC_GTEST_PROP(GenerateLaw, WhatIsShownIsTheTextInWholeCharacters, ()) {
  const auto prompt = any_prompt();
  SamplerOptions sampler = any_sampler();
  sampler.temperature = *rc::gen::element(0.8f, 30.0f);  // hot enough for lone bytes
  std::string shown;
  bool whole = true;
  const Generation got = made(prompt, {.max_tokens = kMost,
                                       .sampler = sampler,
                                       .ignore_eos = *rc::gen::arbitrary<bool>(),
                                       .on_text = [&](std::string_view piece) {
                                         std::string repaired;
                                         utf8_repair(piece, repaired);
                                         whole = whole && !piece.empty() && repaired == piece;
                                         shown += piece;
                                       }});
  RC_ASSERT(whole);
  RC_ASSERT(shown == got.text);
}

}  // namespace
}  // namespace prumo::testing
