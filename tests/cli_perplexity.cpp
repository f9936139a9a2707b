// `prumo perplexity` as a user meets it: the figures against the library's own logits, one answer
// for every machine, thread count and batch, and its sentences.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "generate/scoring.h"
#include "kernels/kernels.h"
#include "prumo.h"
#include "support/command.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

using nlohmann::json;

const std::string kText =
    "And it came to pass in those days, that there went out a decree.\n"
    "And all went to be taxed, every one into his own city.\n";

json scored(const std::string& text, const std::vector<std::string>& more,
            const Streams& streams = {}) {
  const std::string path = put("text.txt", text);
  const Ended ended = run(with({"perplexity", "-f", path, "--json"}, more), streams);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  return ended.code == 0 ? json::parse(ended.out) : json();
}

// All that does not depend on the machine and its load.
json timeless(json object) {
  for (const char* key : {"tok_s", "isa", "threads"}) object.erase(key);
  return object;
}

std::string tiny(const std::string& name, const TinyShape& shape) {
  const Bytes file = tiny_llama(shape).build();
  return put(name, {reinterpret_cast<const char*>(file.data()), file.size()});
}

// The loss of a token after those in the session, with the C library's functions in extended
// precision.
long double loss_of(const Session& session, TokenId id) {
  long double sum = 0;
  for (const float x : session.logits()) sum += std::exp(static_cast<long double>(x));
  return std::log(sum) - static_cast<long double>(session.logits()[static_cast<std::size_t>(id)]);
}

// The loss of every token, one step at a time.
std::vector<long double> losses(const Model& model, std::span<const TokenId> ids,
                                std::size_t context, CacheType cache) {
  std::vector<long double> out;
  auto session = Session::create(model, {.context = context, .threads = 1, .cache = cache});
  for (std::size_t t = 0; t < ids.size(); ++t) {
    // Windows begin half a context apart: the last that has not scored token t's predecessor only
    // as its first half.
    const std::size_t begin =
        t < context ? 0 : (t - context) / (context / 2) * (context / 2) + context / 2;
    session->rewind(0);
    EXPECT_TRUE(session->step(1).ok());
    for (std::size_t i = begin; i < t; ++i) EXPECT_TRUE(session->step(ids[i]).ok());
    out.push_back(loss_of(*session, ids[t]));
  }
  return out;
}

TEST(Perplexity, IsTheLossOfEveryTokenAfterThoseBeforeIt) {
  auto model = Model::load(builtin_model(), 1);
  ASSERT_TRUE(model.ok());
  const auto ids = model->tokenize(kText, false);
  ASSERT_GT(ids.size(), 30u);
  const struct {
    std::size_t context;
    std::string cache;
    CacheType type;
  } cases[] = {{8, "", CacheType::kF16},
               {64, "", CacheType::kF16},
               {64, "f16", CacheType::kF16},
               {8, "f32", CacheType::kF32},
               {64, "q8_0", CacheType::kQ8_0}};
  std::set<double> figures;
  for (const auto& [context, cache, type] : cases) {
    SCOPED_TRACE("context " + std::to_string(context) + ", cache " + cache);
    long double nats = 0;
    for (const long double x : losses(*model, ids, context, type)) nats += x;
    std::vector<std::string> how = {"-c", std::to_string(context)};
    if (!cache.empty()) how.insert(how.end(), {"--cache", cache});
    const json got = scored(kText, how);
    EXPECT_EQ(got["type_kv"], cache.empty() ? "f16" : cache);
    figures.insert(got["nats_per_token"].get<double>());
    EXPECT_EQ(got["tokens"], ids.size());
    EXPECT_EQ(got["bytes"], kText.size());
    EXPECT_EQ(got["windows"], windows(ids.size(), context, true).size());
    EXPECT_EQ(got["stride"], context / 2);
    const auto mean = static_cast<double>(nats / static_cast<long double>(ids.size()));
    EXPECT_NEAR(got["nats_per_token"].get<double>(), mean, 1e-12);
    EXPECT_NEAR(got["perplexity"].get<double>(), std::exp(mean), 1e-10);
    EXPECT_NEAR(got["bits_per_byte"].get<double>(),
                static_cast<double>(nats) / std::log(2.0) / static_cast<double>(kText.size()),
                1e-12);
  }
  EXPECT_EQ(figures.size(), 4u) << "two contexts in F16, and two caches of another type";
}

// As --help says: 512 tokens, or the model's context where it is less.
TEST(Perplexity, AWindowHas512TokensOrTheModelsContext) {
  std::string text;
  while (text.size() < 3000) text += kText;
  for (const std::vector<std::string>& none : {std::vector<std::string>{}, {"-c", "0"}}) {
    const json usual = scored(text, none);
    EXPECT_EQ(usual["context"], 512);
    EXPECT_GT(usual["windows"], 1);
    EXPECT_EQ(timeless(usual), timeless(scored(text, {"-c", "512"})));
  }
  const std::string path = tiny("short.gguf", {.context = 48});
  EXPECT_EQ(scored(kText, {"-m", path})["context"], 48);
  const std::string longer = tiny("longer.gguf", {.context = 64});
  EXPECT_EQ(scored(kText, {"-m", longer, "--reference", path})["context"], 48);
}

// Windows whose logits come in several parts.
TEST(Perplexity, OfALongWindowIsTheLossOfEachOfItsTokens) {
  auto model = Model::load(builtin_model(), 1);
  const std::string text = kText + kText + kText;
  const auto ids = model->tokenize(text, false);
  ASSERT_GT(ids.size(), 100u);
  long double nats = 0;
  for (const long double x : losses(*model, ids, 256, CacheType::kF16)) nats += x;
  const auto mean = static_cast<double>(nats / static_cast<long double>(ids.size()));
  for (const char* context : {"256", "512"}) {
    EXPECT_NEAR(scored(text, {"-c", context})["nats_per_token"].get<double>(), mean, 1e-12);
  }
}

// Without a beginning token the first token is given, and foretells the others.
TEST(Perplexity, WithoutABeginningTokenTheFirstIsGiven) {
  GgufBuilder builder = tiny_llama({.context = 256});
  builder.add("tokenizer.ggml.add_bos_token", false);
  const Bytes file = builder.build();
  const std::string path =
      put("no_bos.gguf", {reinterpret_cast<const char*>(file.data()), file.size()});
  const Model model = *Model::load(file, 1);
  const auto ids = model.tokenize(kText);
  ASSERT_GT(ids.size(), 100u);
  auto session = Session::create(model, {.threads = 1});
  long double nats = 0;
  for (std::size_t t = 1; t < ids.size(); ++t) {
    ASSERT_TRUE(session->step(ids[t - 1]).ok());
    nats += loss_of(*session, ids[t]);
  }
  const json got = scored(kText, {"-m", path, "-c", "256"});
  EXPECT_EQ(got["tokens"], ids.size() - 1);
  EXPECT_NEAR(got["nats_per_token"].get<double>(),
              static_cast<double>(nats / static_cast<long double>(ids.size() - 1)), 1e-12);
}

TEST(Perplexity, OneAnswerOnEveryInstructionSetThreadCountAndBatch) {
  const std::string reference = tiny("f32.gguf", {.vocab = 300, .seed = 7});
  const std::string model =
      tiny("q8_0.gguf", {.vocab = 300, .type = gguf::TensorType::kQ8_0, .seed = 7});
  const std::string text = kText.substr(0, 70);
  const std::vector<std::string> both = {"-m", model, "--reference", reference, "-c", "24"};
  const json built_in = timeless(scored(text, {}));
  const json compared = timeless(scored(text, both));
  const std::vector<std::string> quantized = {"--cache", "q8_0"};
  const json eight_bits = timeless(scored(text, quantized));
  EXPECT_GT(compared["kl_mean"].get<double>(), 0);
  EXPECT_EQ(timeless(scored(text, {"--reference", put("builtin.gguf", builtin_bytes())}))["kl_max"],
            0.0);
  for (const Kernels* table : supported_kernels()) {
    const Streams forced = {.environment = {"PRUMO_ISA=" + std::string(table->name)}};
    for (const std::string threads : {"1", "3"}) {
      for (const std::string batch : {"1", "7"}) {
        SCOPED_TRACE(std::string(table->name) + ", threads " + threads + ", batch " + batch);
        const std::vector<std::string> how = {"-t", threads, "--batch", batch};
        EXPECT_EQ(timeless(scored(text, with(both, how), forced)), compared);
        if (threads != "1" || batch != "7") continue;
        EXPECT_EQ(timeless(scored(text, how, forced)), built_in);
        EXPECT_EQ(timeless(scored(text, with(quantized, how), forced)), eight_bits);
      }
    }
  }
}

// Against the same formulas over logits taken one step at a time.
TEST(Perplexity, TheReferenceIsWhatItIsMeasuredFrom) {
  const TinyShape shape{.vocab = 300, .context = 128, .type = gguf::TensorType::kQ8_0, .seed = 9};
  constexpr std::size_t kTokens = 120;  // enough for a percentile that is not the greatest
  TinyShape other = shape;
  other.seed = 10;
  const Bytes files[] = {tiny_llama(shape).build(), tiny_llama(other).build()};
  const json got = scored(kText + kText, {"-m", tiny("one.gguf", shape), "--reference",
                                          tiny("two.gguf", other), "-c", "128"});
  std::vector<std::vector<std::vector<float>>> logits;
  std::vector<TokenId> ids;
  for (const Bytes& file : files) {
    auto model = Model::load(file, 1);
    ids = model->tokenize(kText, false);
    ASSERT_GE(ids.size(), kTokens);
    ids.resize(kTokens);
    auto session = Session::create(*model, {.context = 128, .threads = 1});
    logits.emplace_back();
    TokenId input = 1;
    for (const TokenId id : ids) {
      ASSERT_TRUE(session->step(input).ok());
      logits.back().emplace_back(session->logits().begin(), session->logits().end());
      input = id;
    }
  }
  // The first window begins with these tokens; with the text cut there, it is all.
  auto model = Model::load(files[0], 1);
  const std::string part = model->detokenize(ids);
  ASSERT_EQ(model->tokenize(part, false), ids);
  const json cut = scored(part, {"-m", (folder() / "one.gguf").string(), "--reference",
                                 (folder() / "two.gguf").string(), "-c", "128"});
  std::vector<double> each;
  std::size_t agreed = 0;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    each.push_back(divergence(logits[1][t], logits[0][t]));
    const auto top = [](const std::vector<float>& x) {
      return std::max_element(x.begin(), x.end()) - x.begin();
    };
    if (top(logits[0][t]) == top(logits[1][t])) ++agreed;
  }
  double sum = 0;
  for (const double d : each) sum += d;
  std::sort(each.begin(), each.end());
  const auto n = static_cast<double>(ids.size());
  EXPECT_EQ(cut["kl_mean"].get<double>(), sum / n);
  EXPECT_EQ(cut["kl_median"].get<double>(), each[(each.size() + 1) / 2 - 1]);
  EXPECT_EQ(cut["kl_p99"].get<double>(), each[(each.size() * 99 + 99) / 100 - 1]);
  EXPECT_LT(cut["kl_p99"], cut["kl_max"]);
  EXPECT_EQ(cut["kl_max"].get<double>(), each.back());
  EXPECT_EQ(cut["top_agreement"].get<double>(), static_cast<double>(agreed) / n);
  EXPECT_GT(got["tokens"], cut["tokens"]);
}

// The cache is the model's own matter: the reference's stays as it is, and a file beside itself
// shows what the cache alone does.
TEST(Perplexity, AFileIsTheReferenceOfItsOwnCache) {
  const std::string path = put("builtin.gguf", builtin_bytes());
  auto model = Model::load(builtin_model(), 1);
  const auto ids = model->tokenize(kText, false);
  const auto logits_with = [&](CacheType cache) {
    std::vector<std::vector<float>> out;
    auto session = Session::create(*model, {.context = 64, .threads = 1, .cache = cache});
    TokenId input = 1;
    for (const TokenId id : ids) {
      EXPECT_TRUE(session->step(input).ok());
      out.emplace_back(session->logits().begin(), session->logits().end());
      input = id;
    }
    return out;
  };
  ASSERT_LE(ids.size(), 64u);
  const auto expected = logits_with(CacheType::kF16);
  for (const auto& [name, type] :
       {std::pair("f16", CacheType::kF16), {"f32", CacheType::kF32}, {"q8_0", CacheType::kQ8_0}}) {
    const auto logits = logits_with(type);
    double sum = 0;
    for (std::size_t t = 0; t < ids.size(); ++t) sum += divergence(expected[t], logits[t]);
    const json got = scored(kText, {"--reference", path, "-c", "64", "--cache", name});
    EXPECT_EQ(got["kl_mean"].get<double>(), sum / static_cast<double>(ids.size())) << name;
    EXPECT_EQ(got["kl_mean"].get<double>() == 0, type == CacheType::kF16) << name;
  }
}

TEST(Perplexity, ItsTextSaysTheSame) {
  const json object = scored(kText, {});
  const Ended text = run({"perplexity", "-f", "-"}, {.in = kText});
  EXPECT_EQ(text.code, 0);
  EXPECT_EQ(text.err, "");
  char line[64];
  std::snprintf(line, sizeof line, "nats/token  %.6f\n", object["nats_per_token"].get<double>());
  EXPECT_NE(text.out.find(line), std::string::npos) << text.out;
  EXPECT_EQ(text.out.find("KL"), std::string::npos);
}

TEST(Perplexity, EveryMistakeIsOneSentence) {
  const std::string path = put("text.txt", kText);
  const std::vector<std::string> good = {"perplexity", "-f", path};
  expect_failure(run({"perplexity", "-f", put("empty.txt", "")}), 2, "longer text");
  expect_failure(run({"perplexity"}), 2, "longer text");
  expect_failure(run({"perplexity", "-f", path + "x"}), 1, path + "x");
  expect_failure(run(with(good, {"-c", "1"})), 2, "2 to 2048");
  expect_failure(run(with(good, {"-c", "2049"})), 2, "2 to 2048");
  expect_failure(run(with(good, {"-c", "many"})), 2, "many");
  expect_failure(run(with(good, {"--batch", "0"})), 2, "batch");
  expect_failure(run(with(good, {"-t", "1000"})), 2, "threads");
  expect_failure(run(with(good, {"--cache", "f8"})), 2, "f8");
  expect_failure(run(with(good, {"-m", tiny("tiny.gguf", {}), "-c", "8", "--cache", "q8_0"})), 2,
                 "32");
  expect_failure(run(with(good, {"-m", path})), 3, path);
  expect_failure(run(with(good, {"--reference", path})), 3, path);
  expect_failure(run(with(good, {"--reference", tiny("tiny.gguf", {})})), 2, "vocabularies");
  expect_failure(run(good, {.out_path = "/dev/full"}), 1, "standard output");
  expect_failure(run(good, {.environment = {"PRUMO_ISA=mmx"}}), 2, "PRUMO_ISA");
}

// As many tokens, and one thing about them that is not the same: the figures would compare what
// foretells one token with what foretells another.
TEST(Perplexity, AReferenceHasTheSameTokens) {
  const TinyShape shape{.context = 32};
  const std::string text = put("text.txt", kText);
  const std::vector<std::string> words = {"perplexity", "-f", text, "-m", tiny("tiny.gguf", shape)};
  const std::string good = contents(folder() / "tiny.gguf");
  const auto reference = [&](const std::string& bytes) {
    return run(with(words, {"--reference", put("other.gguf", bytes)}));
  };
  ASSERT_EQ(reference(good).code, 0);
  for (const auto& [from, to] : {std::pair("w259", "x259"), {"w299", "w29x"}, {"</s>", "<|s>"}}) {
    std::string other = good;
    other.replace(other.find(from), 4, to);
    expect_failure(reference(other), 2, "vocabularies");
  }
  const auto built = [](const GgufBuilder& file) {
    const Bytes bytes = file.build();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  GgufBuilder file = tiny_llama(shape);
  file.add("tokenizer.ggml.add_bos_token", false);
  expect_failure(reference(built(file)), 2, "vocabularies");
  file = tiny_llama(shape);
  drop_key(file, "tokenizer.ggml.bos_token_id");
  file.add("tokenizer.ggml.bos_token_id", 2u);
  expect_failure(reference(built(file)), 2, "vocabularies");
}

TEST(Perplexity, LogitsThatAreNoNumbersAreAnError) {
  GgufBuilder file = tiny_llama({});
  tensor_of(file, "output_norm.weight").data[3] = std::byte{0x7F};  // 2^127 and more
  tensor_of(file, "output_norm.weight").data[2] = std::byte{0x80};  // infinity
  const Bytes bytes = file.build();
  const std::string path =
      put("inf.gguf", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const std::string text = put("text.txt", kText);
  expect_failure(run({"perplexity", "-f", text, "-m", path}), 3, "NaN");
  expect_failure(run({"perplexity", "-f", text, "-m", tiny("good.gguf", {}), "--reference", path}),
                 3, "reference");
}

}  // namespace
}  // namespace prumo::testing
