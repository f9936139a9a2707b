// The command given files that are wrong: each is refused with code 3 and one sentence that names
// the place, by every known way of being wrong, cut short anywhere, or changed at random; within a
// second, and within 16 bytes of memory a byte of the file and 64 MiB.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "prumo.h"
#include "support/command.h"
#include "support/gguf_malformed.h"
#include "support/gguf_mutator.h"
#include "support/gguf_oracle.h"
#include "support/model_malformed.h"
#include "support/model_oracle.h"
#include "support/sanitized.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

// Of the processor, not of the clock: other programs may keep the machine busy.
constexpr ::rlimit kSeconds = {1, 1};
constexpr unsigned kHungSeconds = 60;  // of the clock, for one that waits and does nothing
// A sanitizer takes memory and time of its own; tests and fuzz targets count there.
#if defined(PRUMO_TEST_SANITIZED)
constexpr bool kLimited = false;
#else
constexpr bool kLimited = true;
#endif

constexpr const char* kDoesNotRun = "runs here   no";  // in what info prints
enum Verb : std::size_t { kInfo, kGenerate, kVerbs };

void in_child(const std::string& out, const std::string& err, char* const* argv) {
  for (const auto& [path, number] : {std::pair(&out, 1), {&err, 2}}) {
    const int file = ::open(path->c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ::dup2(file, number) < 0) ::_exit(126);
  }
  if (kLimited && ::setrlimit(RLIMIT_CPU, &kSeconds) != 0) ::_exit(126);
  ::alarm(kHungSeconds);
  ::execv(PRUMO_CLI_BINARY, argv);
  ::_exit(127);
}

struct Started {
  pid_t child;
  std::string out, err;
};

Started start(Verb verb, const std::string& path) {
  std::vector<std::string> words = {PRUMO_CLI_BINARY, "info", "-m", path};
  if (verb == kGenerate) {
    words[1] = "generate";
    words.insert(words.end(), {"--prompt-ids", "0", "-n", "2", "-t", "1"});
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Started started = {0, (folder() / (words[1] + ".out")).string(),
                     (folder() / (words[1] + ".err")).string()};
  started.child = ::fork();
  if (started.child == 0) in_child(started.out, started.err, argv.data());
  EXPECT_GT(started.child, 0) << "no process for the command";
  return started;
}

// What is left of it; it must have kept to the time and to the memory of a file so long.
Ended end_of(const Started& started, std::size_t file_bytes) {
  int status = 0;
  ::rusage used = {};
  while (started.child > 0 && ::wait4(started.child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status) << "; " << SIGKILL
                                 << " is more than a second of work, " << SIGALRM << " is "
                                 << kHungSeconds << " of waiting";
  if (kLimited) {
    EXPECT_LE(static_cast<std::size_t>(used.ru_maxrss) * 1024, 16 * file_bytes + (64u << 20))
        << "bytes of memory";
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(started.out),
          contents(started.err)};
}

struct Ran {
  std::string path;
  Ended by[kVerbs];
};

// Both verbs on a file, at the same time.
Ran run_on(const Bytes& bytes) {
  Ran ran = {put("model.gguf", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}), {}};
  Started started[kVerbs];
  for (const Verb verb : {kInfo, kGenerate}) started[verb] = start(verb, ran.path);
  for (const Verb verb : {kInfo, kGenerate}) {
    ran.by[verb] = end_of(started[verb], bytes.size());
  }
  return ran;
}

// One sentence that begins with the file; what it says then.
std::string said_of(const std::string& path, const Ended& ended) {
  const std::string start = "prumo: " + path + ": ";
  EXPECT_TRUE(ended.err.starts_with(start)) << ended.err;
  EXPECT_TRUE(ended.err.ends_with(".\n")) << ended.err;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  EXPECT_LT(ended.err.size(), 1000u) << ended.err;
  return ended.err.substr(std::min(start.size(), ended.err.size()));
}

// Refused for what stands at `place`; `may_show`: though something is printed first.
void expect_refused(const Ran& ran, Verb verb, const std::string& place, bool may_show = false) {
  const Ended& ended = ran.by[verb];
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_TRUE(may_show || ended.out.empty()) << ended.out;
  const std::string said = said_of(ran.path, ended);
  EXPECT_TRUE(said.starts_with(place + ": ")) << place << " is not named in: " << said;
}

void expect_good(const Ran& ran, Verb verb) {
  EXPECT_EQ(ran.by[verb].code, 0) << ran.by[verb].err;
  EXPECT_EQ(ran.by[verb].err, "");
  EXPECT_NE(ran.by[kInfo].out, "");
}

// To the command a file of no bytes is the place itself.
std::string place_in(const Bytes& file, const std::string& place) {
  return file.empty() ? "the file is empty" : place;
}

TEST(CliMalformed, EveryKnownWayOfBeingNoGguf) {
  for (const MalformedGguf& wrong : MalformedGgufs::all()) {
    SCOPED_TRACE(wrong.name);
    const Ran ran = run_on(wrong.file);
    for (const Verb verb : {kInfo, kGenerate}) {
      expect_refused(ran, verb, place_in(wrong.file, wrong.place));
    }
  }
}

TEST(CliMalformed, EveryKnownWayOfBeingNoModel) {
  for (const ModelCase& each : ModelCases::all()) {
    SCOPED_TRACE(each.name);
    const Ran ran = run_on(each.file);
    const auto model = Model::load(each.file, 1);
    ASSERT_EQ(model.ok(), each.place.empty());
    if (model.ok() || model.error().code == ErrorCode::kUnsupported) {
      expect_good(ran, kInfo);
      EXPECT_EQ(ran.by[kInfo].out.find(kDoesNotRun) == std::string::npos, model.ok());
    } else {
      expect_refused(ran, kInfo, each.place, true);
    }
    if (!model.ok()) {
      expect_refused(ran, kGenerate, each.place);
    } else if (!each.finite) {
      expect_refused(ran, kGenerate, "position 1", true);
    } else {
      expect_good(ran, kGenerate);
    }
  }
}

TEST(CliMalformed, AFileThatEndsAnywhere) {
  const Bytes whole = ModelCases::small().build();
  const std::uint64_t needed = GgufOracle(whole).needed();
  constexpr std::size_t kStep = 97;  // no multiple of a field's size: ends inside every kind
  for (std::size_t n = 0; n < needed + kStep; n += kStep) {
    SCOPED_TRACE(n);
    const Bytes cut(whole.begin(),
                    whole.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(n, needed)));
    const auto file = gguf::File::parse(cut);
    ASSERT_EQ(file.ok(), n >= needed);
    const Ran ran = run_on(cut);
    for (const Verb verb : {kInfo, kGenerate}) {
      if (file.ok()) {
        expect_good(ran, verb);
      } else {
        expect_refused(ran, verb, place_in(cut, file.error().place));
      }
    }
  }
}

// What a changed file must lead to follows from the second parser and the rules over it.
void expect_judged(const Ran& ran, Verb verb, bool parses, const ModelOracle* model) {
  const Ended& ended = ran.by[verb];
  if (ended.code == 0) {
    EXPECT_EQ(ended.err, "");
    EXPECT_TRUE(parses && (model->good() || verb == kInfo)) << "it runs";
    if (parses && verb == kInfo && !model->good()) {
      EXPECT_NE(ended.out.find(kDoesNotRun), std::string::npos) << ended.out;
    }
    return;
  }
  EXPECT_EQ(ended.code, 3) << ended.err;
  const std::string said = said_of(ran.path, ended);
  const std::string place = said.substr(0, said.find(": "));
  EXPECT_TRUE(parses || ended.out.empty()) << ended.out;
  if (parses && model->good()) {
    EXPECT_EQ(verb, kGenerate);
    EXPECT_TRUE(said.starts_with("position ")) << said;  // logits that are no numbers
  } else if (parses) {
    EXPECT_TRUE(model->breaks(place)) << place << " is not among" << model->list();
  }
}

TEST(CliMalformed, AFileChangedAtRandom) {
  constexpr std::uint64_t kFiles = 200;
  std::vector<Bytes> models;
  for (ModelCase& each : ModelCases::all()) {
    if (each.place.empty()) models.push_back(std::move(each.file));
  }
  std::size_t good = 0;
  for (std::uint64_t seed = 1; seed <= kFiles; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Bytes& from = models[seed % models.size()];
    GgufMutator mutator(seed, mutate_bytes_simply);
    const Bytes bytes = seed % 5 == 0 ? mutator.cross(from, models[seed / 5 % models.size()], 65536)
                                      : mutator.mutate(from, 65536);
    const GgufOracle parsed(bytes);
    std::optional<ModelOracle> model;
    if (parsed.reason == gguf::Reason::kNone) model.emplace(parsed, bytes);
    good += model && model->good() ? 1 : 0;
    const Ran ran = run_on(bytes);
    for (const Verb verb : {kInfo, kGenerate}) {
      expect_judged(ran, verb, model.has_value(), model ? &*model : nullptr);
    }
  }
  EXPECT_GT(good, kFiles / 20) << "hardly any is still good";
  EXPECT_LT(good, kFiles / 2) << "hardly any is wrong";
}

// Neither bytes nor an unknown token, and no token that begins a text.
TEST(CliMalformed, AVocabularyThatSpellsNothingOfThePrompt) {
  TinyShape shape;
  shape.vocab = 3;
  GgufBuilder file = tiny_llama(shape);
  file.add("tokenizer.ggml.model", "llama")
      .add_array<std::string>("tokenizer.ggml.tokens", {"aa", "bb", "cc"})
      .add_array<float>("tokenizer.ggml.scores", {-1, -2, -3})
      .add_array<std::int32_t>("tokenizer.ggml.token_type", {1, 1, 1});
  const Bytes bytes = file.build();
  const std::string path =
      put("spells.gguf", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_EQ(run({"generate", "-m", path, "-p", "aa", "-n", "1"}).code, 0);
  const Ended ended = run({"generate", "-m", path, "-p", "hi", "-n", "1"});
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.out, "");
  EXPECT_TRUE(ended.err.starts_with("prumo: " + path + ": tokenizer.ggml.tokens: ")) << ended.err;
}

}  // namespace
}  // namespace prumo::testing
