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
#include <cmath>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <thread>

#include "kernels/kernels.h"
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

// The same bits everywhere: so what the README shows is what its reader gets.
TEST(GenerateOptions, TheReadmesExampleIsWhatIsWritten) {
  const std::string readme = contents(std::string(PRUMO_SOURCE_DIR) + "/README.md");
  const std::string command =
      "$ build/release/prumo generate -p \"And the LORD spake unto\" -n 60 --temp 0.8 --top-k 40 "
      "--top-p 0.9 --seed 1\n";
  const std::size_t at = readme.find(command);
  ASSERT_NE(at, std::string::npos) << "the README has another example than this test";
  const std::size_t begin = at + command.size();
  const Ended ended = run({"generate", "-p", "And the LORD spake unto", "-n", "60", "--temp", "0.8",
                           "--top-k", "40", "--top-p", "0.9", "--seed", "1"});
  EXPECT_EQ(ended.out, readme.substr(begin, readme.find("```", begin) - begin));
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

// Standard output is a pipe that is full and stays so. Who sleeps for long is waiting for it.
TEST(Output, ThatNobodyTakesIsLeftOnCtrlC) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const std::string filling(4096, 'x');
  while (::write(ends[1], filling.data(), filling.size()) > 0) {
  }
  ASSERT_EQ(::fcntl(ends[1], F_SETFL, 0), 0);
  const pid_t child = start({"generate", "-p", "a", "-n", "3", "-t", "1"}, {.out_fd = ends[1]});
  ASSERT_GT(child, 0);
  for (int asleep = 0; asleep < 100; asleep = is_asleep(child) ? asleep + 1 : 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(child, SIGINT);
  expect_failure(wait_for(child), 130, "standard output");
  ::close(ends[0]);
  ::close(ends[1]);
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

// In any order that the machine gives them.
void expect_of_samples(const json& row) {
  auto samples = row["samples_ns"].get<std::vector<double>>();
  std::sort(samples.begin(), samples.end());
  const auto n = static_cast<double>(samples.size());
  const auto middle = [](const std::vector<double>& sorted) {
    return (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2;
  };
  const double median = row["median_ns"].get<double>();
  EXPECT_EQ(median, middle(samples));
  const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / n;
  EXPECT_NEAR(row["avg_ns"].get<double>(), mean, 1e-9 * mean);
  double squares = 0;
  std::vector<double> distances;
  for (const double sample : samples) {
    squares += (sample - mean) * (sample - mean);
    distances.push_back(std::fabs(sample - median));
  }
  std::sort(distances.begin(), distances.end());
  EXPECT_EQ(row["mad_ns"].get<double>(), middle(distances));
  const double deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
  EXPECT_NEAR(row["stddev_ns"].get<double>(), deviation, 1e-6 * deviation);
  const double tokens = row["n_prompt"].get<double>() + row["n_gen"].get<double>();
  EXPECT_NEAR(row["tok_s"].get<double>() * median / 1e9, tokens, 1e-6);
}

TEST(BenchFigures, AreThoseOfTheSamples) {
  const std::vector<std::string> words = {
      "bench", "-p", "8", "-n", "4", "-t", "1", "--synthetic", "64x1:2:1:64:300:Q8_0"};
  for (const std::size_t repetitions : {1u, 3u, 4u}) {
    const Ended ended = run(with(words, {"-o", "json", "-r", std::to_string(repetitions)}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    for (const json& row : json::parse(ended.out)) {
      ASSERT_EQ(row["samples_ns"].size(), repetitions);
      expect_of_samples(row);
    }
  }
  const std::string csv = run(with(words, {"-o", "csv", "-r", "1"})).out;
  std::set<std::ptrdiff_t> commas;
  for (std::size_t at = 0; at < csv.size(); at = csv.find('\n', at) + 1) {
    const std::string line = csv.substr(at, csv.find('\n', at) - at);
    commas.insert(std::count(line.begin(), line.end(), ','));
  }
  EXPECT_EQ(commas.size(), 1u) << csv;
  EXPECT_GT(*commas.begin(), 5) << csv;
}

// Without -d, the tests at depth 1024 are those that the model's context has room for, to the last
// position.
TEST(BenchDepths, AreThoseThatFit) {
  const Bytes file = tiny_llama({.context = 1024 + 8}).build();
  const std::string path =
      put("depth.gguf", {reinterpret_cast<const char*>(file.data()), file.size()});
  const std::vector<std::string> words = {"bench", "-m", path, "-p", "8",  "-n",   "9",
                                          "-t",    "1",  "-r", "1",  "-o", "jsonl"};
  const Ended ended = run(words);
  ASSERT_EQ(ended.code, 0) << ended.err;
  std::vector<std::string> names;
  for (std::size_t at = 0; at < ended.out.size(); at = ended.out.find('\n', at) + 1) {
    names.push_back(json::parse(ended.out.substr(at, ended.out.find('\n', at) - at))["test"]);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"pp8", "tg9", "pp8 @ d1024"}));
  expect_failure(run(with(words, {"-d", "1024"})), 2, "1033");
}

// What separates cells may stand in one.
TEST(Tables, ACellOfAnyTextIsOneCell) {
  GgufBuilder builder = tiny_llama({});
  drop_key(builder, "general.name");
  builder.add("general.name", "a|b\"c,d");
  const Bytes file = builder.build();
  const std::string path =
      put("named.gguf", {reinterpret_cast<const char*>(file.data()), file.size()});
  const std::vector<std::string> words = {"bench", "-m", path, "-p", "1",  "-n", "0",
                                          "-d",    "0",  "-r", "1",  "-t", "1",  "-o"};
  const std::string markdown = run(with(words, {"md"})).out;
  EXPECT_NE(markdown.find("\n| a\\|b\"c,d F32 | "), std::string::npos) << markdown;
  const std::string csv = run(with(words, {"csv"})).out;
  EXPECT_NE(csv.find("\n\"a|b\"\"c,d F32\",\""), std::string::npos) << csv;
}

TEST(GenerateFigures, SpeedsAreOfTheTokensThatWereRun) {
  const json got = asked({"--ignore-eos"});
  ASSERT_EQ(got["ids"].size(), 40u);
  const auto tokens = [&](const char* speed, const char* time) {
    return got[speed].get<double>() * got[time].get<double>() / 1e9;
  };
  EXPECT_NEAR(tokens("prefill_tok_s", "prefill_ns"), static_cast<double>(got["prompt_ids"].size()),
              1e-6);
  EXPECT_NEAR(tokens("decode_tok_s", "decode_ns"), 39, 1e-6) << "nothing comes after the last";
}

TEST(InfoFigures, SayWhoChoseTheInstructionSet) {
  for (const auto& [variable, why] :
       {std::pair("PRUMO_ISA=scalar", "PRUMO_ISA asks"), {"PRUMO_ISA=", "the best"}}) {
    const Ended ended = run({"info", "--json"}, {.environment = {variable}});
    ASSERT_EQ(ended.code, 0) << ended.err;
    const json isa = json::parse(ended.out)["isa"];
    EXPECT_EQ(isa["name"], variable[10] == '\0' ? supported_kernels().back()->name : "scalar");
    EXPECT_TRUE(isa["why"].get<std::string>().starts_with(why)) << isa;
  }
}

}  // namespace
}  // namespace prumo::testing
