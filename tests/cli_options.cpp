// What options of the command do: `generate` makes what the library makes of the same options,
// input is read whole, and figures are those of the samples that stand beside them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "model/forward.h"
#include "prumo.h"
#include "support/command.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

using nlohmann::json;

// Of few tokens, so that an end token comes soon when it is hot.
const Bytes& tiny_file() {
  static const Bytes file = tiny_llama({.heads = 2, .kv_heads = 1, .head_dim = 32}).build();
  return file;
}
const std::string& tiny_path() {
  static const std::string path =
      put("options.gguf", {reinterpret_cast<const char*>(tiny_file().data()), tiny_file().size()});
  return path;
}

Generation made(const SessionOptions& session_options, const GenerateOptions& options) {
  const Model model = *Model::load(tiny_file(), 1);
  auto session = Session::create(model, session_options);
  return *generate(*session, model.tokenize("ab"), options);
}

json asked(const std::vector<std::string>& words) {
  const Ended ended =
      run(with({"generate", "-m", tiny_path(), "-p", "ab", "-n", "40", "--json"}, words));
  EXPECT_EQ(ended.code, 0) << ended.err;
  return ended.code == 0 ? json::parse(ended.out) : json();
}

void expect_same(const json& got, const Generation& wanted) {
  EXPECT_EQ(got["ids"].get<std::vector<TokenId>>(), wanted.ids);
  EXPECT_EQ(got["finish"], finish_name(wanted.finish));
}

TEST(GenerateOptions, OfTheSamplerAreTheLibrarys) {
  const SamplerOptions cases[] = {{.temperature = 1, .seed = 3},
                                  {.temperature = 1, .top_k = 2, .seed = 3},
                                  {.temperature = 2, .top_p = 0.25f, .seed = 3},
                                  {.temperature = 2, .min_p = 0.5f, .seed = 3}};
  std::set<std::vector<TokenId>> all;
  for (const SamplerOptions& o : cases) {
    const json got = asked({"--temp", std::to_string(o.temperature), "--top-k",
                            std::to_string(o.top_k), "--top-p", std::to_string(o.top_p), "--min-p",
                            std::to_string(o.min_p), "--seed", std::to_string(o.seed)});
    const Generation wanted = made({.threads = 1}, {.max_tokens = 40, .sampler = o});
    expect_same(got, wanted);
    all.insert(wanted.ids);
  }
  EXPECT_EQ(all.size(), std::size(cases)) << "an option that changes nothing is not seen";
}

TEST(GenerateOptions, AnEndTokenEndsItOrIsIgnored) {
  GenerateOptions o{.max_tokens = 40, .sampler = {.temperature = 50}};
  Generation wanted;
  do {
    ++o.sampler.seed;
    wanted = made({.threads = 1}, o);
  } while (wanted.finish != Finish::kEos && o.sampler.seed < 500);
  ASSERT_EQ(wanted.finish, Finish::kEos);
  const std::vector<std::string> hot = {"--temp", "50", "--seed", std::to_string(o.sampler.seed)};
  expect_same(asked(hot), wanted);
  EXPECT_EQ(asked(hot)["finish"], "eos");
  o.ignore_eos = true;
  expect_same(asked(with(hot, {"--ignore-eos"})), made({.threads = 1}, o));
}

TEST(GenerateOptions, EachCacheIsUsed) {
  std::set<std::string> hashes;
  for (const auto& [name, type] :
       {std::pair{"f16", CacheType::kF16}, {"f32", CacheType::kF32}, {"q8_0", CacheType::kQ8_0}}) {
    const json got = asked({"--cache", name});
    expect_same(got, made({.threads = 1, .cache = type}, {.max_tokens = 40}));
    hashes.insert(got["logits_hash"].get<std::string>());
  }
  EXPECT_EQ(hashes.size(), 3u);
}

// More than any machine has, and it is asked before anything is made.
TEST(Memory, ThatIsNotThereIsCodeFour) {
  const std::string shape = "65536x1024:1024:1024:1048576:300:F32";
  expect_failure(run({"bench", "--synthetic", shape}), 4, "free");
  expect_failure(run({"bench", "--synthetic", shape, "--write", (folder() / "large").string()}), 4,
                 "free");
  EXPECT_FALSE(std::filesystem::exists(folder() / "large"));
}

// More than any buffer on the way.
TEST(Input, IsReadToItsEnd) {
  std::string text;
  while (text.size() < 300000)
    text += "And the LORD spake unto Moses, saying, " + std::to_string(text.size());
  const std::string path = put("long.txt", text);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-f", path}, {"-f", "-"}}) {
    const Ended ids = run(with({"tokenize"}, words), {.in = text});
    ASSERT_EQ(ids.code, 0) << ids.err;
    EXPECT_EQ(run({"detokenize"}, {.in = ids.out}).out, text);
  }
}

// Whether a process waits for something, as the system says.
bool is_asleep(pid_t process) {
  const std::string stat = contents("/proc/" + std::to_string(process) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.compare(name_end, 3, ") S") == 0;
}

// Once it has read what there is and waits for more.
TEST(Input, ThatDoesNotEndIsLeftOnCtrlC) {
  const std::string pipe = (folder() / "prompt").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const pid_t child = start({"generate", "-f", pipe, "-n", "3"});
  ASSERT_GT(child, 0);
  const int writer = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(::write(writer, "a b", 3), 3);
  int unread = 3;
  while (unread > 0 || !is_asleep(child)) {
    ASSERT_EQ(::ioctl(writer, FIONREAD, &unread), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(child, SIGINT);
  expect_failure(wait_for(child), 130, pipe);
  ::close(writer);
}

// A limit on file sizes stands in for a disk that fills up within one output.
TEST(Output, ThatIsTakenInPartIsAFailure) {
  const std::string path = put("long.txt", std::string(300000, 'x'));
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit low = before;
  low.rlim_cur = 100000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // which the command inherits
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  const Ended ended = run({"tokenize", "-f", path});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.err.find("standard output"), std::string::npos) << ended.err;
}

// What generating at the full context allocates, each part once.
TEST(InfoFigures, AreWhatTheModelAndASessionTake) {
  const Model model = *Model::load(tiny_file(), 1);
  const Ended ended = run({"info", "-m", tiny_path(), "--json"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const json memory = json::parse(ended.out)["memory"];
  const auto bytes = [&](const char* key) { return memory[key].get<std::size_t>(); };
  auto session = Session::create(model, {.threads = bytes("threads")});
  const SessionState& state = session->internals();
  EXPECT_EQ(bytes("context"), session->context());
  EXPECT_EQ(bytes("weights_bytes"), model.internals().weights.memory.size());
  EXPECT_EQ(bytes("kv_cache_bytes"),
            KvCache::bytes(model.internals().config, session->context(), CacheType::kF16));
  EXPECT_EQ(bytes("scratch_bytes"), state.arena.capacity());
  const std::string text = run({"info", "-m", tiny_path()}).out;
  const std::string line =
      "memory      " +
      human_bytes(bytes("weights_bytes") + bytes("kv_cache_bytes") + bytes("scratch_bytes")) +
      " = weights " + human_bytes(bytes("weights_bytes")) + " + KV cache " +
      human_bytes(bytes("kv_cache_bytes")) + " + scratch " + human_bytes(bytes("scratch_bytes")) +
      "\n";
  EXPECT_NE(text.find(line), std::string::npos) << line << "is not in:\n" << text.substr(0, 600);
}

TEST(BenchFigures, AreThoseOfTheSamples) {
  const std::vector<std::string> words = {
      "bench", "-p", "8", "-n", "4", "-t", "1", "-r", "3", "--synthetic", "64x1:2:1:64:300:Q8_0"};
  const Ended ended = run(with(words, {"-o", "json"}));
  ASSERT_EQ(ended.code, 0) << ended.err;
  for (const json& row : json::parse(ended.out)) {
    auto samples = row["samples_ns"].get<std::vector<double>>();
    ASSERT_EQ(samples.size(), 3u);
    std::sort(samples.begin(), samples.end());
    EXPECT_EQ(row["median_ns"].get<double>(), samples[1]);
    const double tokens = row["n_prompt"].get<double>() + row["n_gen"].get<double>();
    EXPECT_NEAR(row["tok_s"].get<double>() * samples[1] / 1e9, tokens, 1e-6);
  }
  const std::string csv = run(with(words, {"-o", "csv"})).out;
  std::set<std::ptrdiff_t> commas;
  for (std::size_t at = 0; at < csv.size(); at = csv.find('\n', at) + 1) {
    const std::string line = csv.substr(at, csv.find('\n', at) - at);
    commas.insert(std::count(line.begin(), line.end(), ','));
  }
  EXPECT_EQ(commas.size(), 1u) << csv;
  EXPECT_GT(*commas.begin(), 5) << csv;
}

}  // namespace
}  // namespace prumo::testing
