// Argument vectors through the whole command, in this process: the exit code must be one that a
// table of verbs and options allows, with data or one sentence where they belong.
//
// Input: u8 verb (of kVerbs; the rest: none, or none that exists), then words: u8 which option (of
// all verbs'; 200: help, 201: a word too many), u8 how it is written, u8 value (of kValues). A verb
// that takes a model gets a good one unless told otherwise. Measurements and verifications run only
// if they are to be refused.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "support/check.h"
#include "support/tiny_llama.h"

namespace prumo::fuzz {
namespace {

/// Good; refused while the line is read; refused before the model is loaded; refused once it is
/// there (2), or a file that cannot be read (1).
enum class Fate { kGood, kUnread, kBefore, kLater, kFile };

struct Value {
  const char* text;
  Fate fate = Fate::kGood;
};
using Values = std::vector<Value>;

std::string& path_of_text();
std::string& path_of_model();

const Values kModels = {{"$model"}, {"$model"}, {"$text"}, {"/nonexistent/model.gguf"}, {"/"}};
const Values kWholes = {{"1"},
                        {"2"},
                        {"3"},
                        {"01"},
                        {"0x1", Fate::kUnread},
                        {"", Fate::kUnread},
                        {"-1", Fate::kUnread},
                        {"+1", Fate::kUnread},
                        {"1.5", Fate::kUnread},
                        {"many", Fate::kUnread},
                        {" 1", Fate::kUnread},
                        {"99999999999999999999", Fate::kUnread}};

Values wholes(Values more) {
  more.insert(more.end(), kWholes.begin(), kWholes.end());
  return more;
}

struct Option {
  const char* name;
  const char* brief = "";  ///< one letter, or none
  Values values = {};      ///< none: a flag
  bool again = false;      ///< may be given more than once
};
struct Verb {
  const char* name;
  bool runs;  ///< quick enough
  bool takes_model;
  std::vector<Option> options;
};

const std::vector<Verb>& verbs() {
  static const Option kModel = {"model", "m", kModels};
  static const Option kThreads = {"threads", "t", wholes({{"0"}, {"1"}, {"257", Fate::kLater}})};
  static const Option kBatch = {"batch", "", wholes({{"512"}, {"0", Fate::kLater}})};
  static const Option kFlagJson = {"json"};
  static const Option kCache = {
      // the model's heads are too short for blocks of 32
      "cache",
      "",
      {{"f16"}, {"f32"}, {"f8", Fate::kUnread}, {"", Fate::kUnread}, {"q8_0", Fate::kLater}}};
  static const Option kSeed = {"seed", "", wholes({{"0"}, {"18446744073709551615"}})};
  static const std::vector<Verb> kVerbs = {
      {"generate",
       true,
       true,
       {kModel,
        {"prompt",
         "p",
         {{"a"}, {"ab"}, {"--json"}, {"abababababababababab", Fate::kLater}, {"", Fate::kLater}}},
        {"file", "f", {{"$text"}, {"/nonexistent", Fate::kFile}, {"-", Fate::kLater}}},
        {"prompt-ids",
         "",
         {{"1,2,3"},
          {"0"},
          {"1, 2"},
          {"999999", Fate::kLater},
          {"1,,2", Fate::kLater},
          {"-1", Fate::kLater},
          {"", Fate::kLater}}},
        {"tokens", "n", wholes({{"0", Fate::kBefore}})},
        {"temp",
         "",
         {{"0"},
          {"0.8"},
          {"1e-3"},
          {"-1", Fate::kLater},
          {"nan", Fate::kLater},
          {"inf", Fate::kLater},
          {"x", Fate::kUnread},
          {"1x", Fate::kUnread}}},
        {"top-k", "", wholes({{"0"}})},
        {"top-p",
         "",
         {{"1"}, {"0.5"}, {"0", Fate::kLater}, {"1.5", Fate::kLater}, {"p", Fate::kUnread}}},
        {"min-p",
         "",
         {{"0"}, {"0.1"}, {"1", Fate::kLater}, {"-0.1", Fate::kLater}, {"p", Fate::kUnread}}},
        kSeed,
        {"stop", "", {{"a"}, {"ab"}, {"--json"}, {"", Fate::kLater}}, true},
        {"ignore-eos"},
        {"lookup"},
        kThreads,
        kBatch,
        kCache,
        {"context", "c", {{"0"}, {"8"}, {"16"}, {"17", Fate::kLater}, {"-1", Fate::kUnread}}},
        kFlagJson,
        {"logits"}}},
      {"bench",
       false,
       true,
       {kModel,
        {"synthetic", "", {{"64x1:2:1:64:300:Q8_0"}, {"big", Fate::kBefore}}},
        {"prompt", "p", {{"8"}, {"1,2"}, {"x", Fate::kBefore}, {"-1", Fate::kBefore}}},
        {"gen", "n", {{"8"}, {"1,2"}, {"1,", Fate::kBefore}}},
        {"depth", "d", {{"0"}, {"0,8"}, {"2000000", Fate::kBefore}}},
        {"threads", "t", {{"1"}, {"0", Fate::kBefore}, {"257", Fate::kBefore}}},
        {"repetitions", "r", wholes({{"0", Fate::kBefore}})},
        {"batch", "", wholes({{"512"}})},
        kSeed,
        {"output", "o", {{"md"}, {"json"}, {"xml", Fate::kUnread}}},
        kCache}},
      {"verify",
       false,
       false,
       {{"seconds",
         "s",
         {{"1"}, {"nan", Fate::kBefore}, {"-1", Fate::kBefore}, {"x", Fate::kUnread}}},
        kSeed,
        {"kernel", "", {{"argmax"}, {"nothing", Fate::kBefore}}},
        {"input", "", wholes({{"18446744073709551615"}})}}},
      {"tokenize",
       true,
       true,
       {kModel,
        {"file", "f", {{"$text"}, {"-"}, {"/nonexistent", Fate::kFile}}},
        {"prompt", "p", {{"a"}, {""}, {"\xFF\xE2"}}},
        {"no-bos"}}},
      {"detokenize",
       true,
       true,
       {kModel,
        {"ids",
         "",
         {{"1,2,3"},
          {"-"},
          {""},
          {" 70 , 71"},
          {"1;2", Fate::kLater},
          {"999999", Fate::kLater},
          {"1,", Fate::kLater}}}}},
      {"info", true, true, {kModel, kFlagJson}},
      {"perplexity",
       true,
       true,
       {kModel,
        {"file", "f", {{"$text"}, {"-", Fate::kLater}, {"/nonexistent", Fate::kFile}}},
        {"reference", "", {{"$model"}}},
        kThreads,
        kBatch,
        {"context",
         "c",
         {{"0"}, {"8"}, {"1", Fate::kLater}, {"17", Fate::kLater}, {"-1", Fate::kUnread}}},
        kFlagJson,
        kCache}},
  };
  return kVerbs;
}

/// A file in memory, by the path that opens it.
std::string memory_file(const char* name, const void* bytes, std::size_t size) {
  const int file = ::memfd_create(name, 0);
  CHECK(file >= 0 && ::write(file, bytes, size) == static_cast<ssize_t>(size), name);
  return "/proc/self/fd/" + std::to_string(file);
}
std::string& path_of_text() {
  static std::string path = memory_file("text", "ab ab", 5);
  return path;
}
std::string& path_of_model() {
  static std::string path = [] {
    testing::TinyShape shape;
    shape.embedding = shape.ffn = 8;
    shape.heads = shape.kv_heads = shape.layers = 1;
    shape.head_dim = 8;
    shape.vocab = 259;
    shape.context = 16;
    const testing::Bytes file = testing::tiny_llama(shape).build();
    return memory_file("model", file.data(), file.size());
  }();
  return path;
}

struct Line {
  std::vector<std::string> words = {"prumo"};
  std::set<Fate> fates;
  std::map<std::string, std::vector<std::string>> given;
  bool bad_model = false;
  bool help = false;
};

void add_option(Input& in, Line& line, const Verb& verb, const Option& option) {
  const auto form = in.take<std::uint8_t>();
  const std::size_t which = in.take<std::uint8_t>();
  const std::string name = option.name;
  const auto own = std::find_if(verb.options.begin(), verb.options.end(),
                                [&](const Option& o) { return name == o.name; });
  const bool known = own != verb.options.end();
  const bool brief = form % 2 == 1 && known && *own->brief != '\0';
  const std::string written = brief ? "-" + std::string(own->brief) : "--" + name;
  const Option& used = known ? *own : option;
  if (!known) line.fates.insert(Fate::kUnread);
  if (used.values.empty()) {
    line.words.push_back(written);
    line.given[name].emplace_back();
    return;
  }
  const Value& value = used.values[which % used.values.size()];
  std::string text = value.text;
  if (text == "$text") text = path_of_text();
  if (text == "$model") text = path_of_model();
  if (!text.empty() && form % 4 >= 2) {
    line.words.push_back(written + (brief ? "" : "=") + text);
  } else {
    line.words.push_back(written);
    line.words.push_back(text);
  }
  line.given[name].push_back(value.text);
  if (line.given[name].size() > 1 && !used.again) line.fates.insert(Fate::kUnread);
  if (value.fate != Fate::kGood) line.fates.insert(value.fate);
  if (name == "model" && std::string_view(value.text) != "$model") line.bad_model = true;
}

/// What options ask of each other.
void relate(const Verb& verb, Line& line) {
  const std::string name = verb.name;
  const auto has = [&](const char* option) { return line.given.contains(option); };
  if (name == "generate") {
    const int prompts = has("prompt") + has("file") + has("prompt-ids");
    if (prompts != 1 || (has("logits") && !has("json"))) line.fates.insert(Fate::kBefore);
  }
  if (name == "verify" && has("input") && !has("kernel")) line.fates.insert(Fate::kBefore);
  if (name == "tokenize" && has("file") && has("prompt")) line.fates.insert(Fate::kUnread);
  if (name == "bench" && has("synthetic") && has("model")) line.fates.insert(Fate::kUnread);
  if (name == "perplexity" && !has("file")) line.fates.insert(Fate::kLater);  // nothing to read
}

std::set<int> allowed(const Line& line) {
  std::set<int> codes;
  const bool unread = line.fates.contains(Fate::kUnread);
  if (line.help) codes.insert(0);
  if (line.help && unread) codes.insert(2);
  if (line.help) return codes;
  if (unread || line.fates.contains(Fate::kBefore)) return {2};
  if (line.bad_model) codes.insert(3);
  if (line.fates.contains(Fate::kLater)) codes.insert(2);
  if (line.fates.contains(Fate::kFile)) codes.insert(1);
  if (codes.empty()) codes.insert(0);
  return codes;
}

struct Ended {
  int code;
  std::string out, err;
};

/// Runs it with standard output in a file in memory. What the command says goes to a stream of its
/// own; the sanitizers keep standard error.
Ended run(const std::vector<std::string>& words) {
  static const int output = ::memfd_create("output", 0);
  static const int nothing = ::open("/dev/null", O_RDONLY);
  std::fflush(stdout);
  const int kept_out = ::dup(STDOUT_FILENO);
  const int kept_in = ::dup(STDIN_FILENO);
  struct sigaction interrupt = {};
  ::sigaction(SIGINT, nullptr, &interrupt);
  CHECK(::ftruncate(output, 0) == 0 && ::lseek(output, 0, SEEK_SET) == 0, "output");
  ::dup2(output, STDOUT_FILENO);
  ::dup2(nothing, STDIN_FILENO);
  char* said = nullptr;
  std::size_t said_bytes = 0;
  std::FILE* const kept_err = stderr;
  stderr = ::open_memstream(&said, &said_bytes);
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  Ended ended{};
  ended.code = cli::run_command(static_cast<int>(pointers.size()), pointers.data());
  std::fclose(stderr);
  stderr = kept_err;
  ended.err.assign(said, said_bytes);
  std::free(said);
  ::dup2(kept_out, STDOUT_FILENO);
  ::dup2(kept_in, STDIN_FILENO);
  ::close(kept_out);
  ::close(kept_in);
  ::sigaction(SIGINT, &interrupt, nullptr);
  ended.out.resize(static_cast<std::size_t>(::lseek(output, 0, SEEK_END)));
  const ssize_t got = ::pread(output, ended.out.data(), ended.out.size(), 0);
  CHECK(got == static_cast<ssize_t>(ended.out.size()), "output");
  return ended;
}

void check(const Line& line, const std::set<int>& codes) {
  std::string shown;
  for (const std::string& word : line.words) shown += " '" + word + "'";
  const Ended ended = run(line.words);
  CHECK(codes.contains(ended.code),
        "exit code " + std::to_string(ended.code) + " of" + shown + ": " + ended.err);
  if (ended.code == 0) {
    CHECK(ended.err.empty() || ended.err[0] == '[', shown + " also says " + ended.err);
    return;
  }
  CHECK(ended.err.starts_with("prumo: ") && ended.err.ends_with(".\n"), shown + ": " + ended.err);
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1, shown + ": " + ended.err);
  CHECK(ended.code != 2 || ended.out.empty(), shown + " prints " + ended.out);
}

void run(Input& in) {
  const std::vector<Verb>& all = verbs();
  const std::size_t which = in.take<std::uint8_t>() % (all.size() + 2);
  Line line;
  if (which >= all.size()) {
    if (which > all.size()) line.words.emplace_back("dance");
    check(line, {2});
    return;
  }
  const Verb& verb = all[which];
  line.words.emplace_back(verb.name);
  for (std::size_t i = 0; in.size() != 0 && i < 12; ++i) {
    const std::size_t option = in.take<std::uint8_t>();
    if (option == 200) {
      line.words.emplace_back("--help");
      line.help = true;
    } else if (option == 201) {
      line.words.emplace_back("trailing");
      line.fates.insert(Fate::kUnread);
    } else {
      // Mostly the verb's own, now and then another's.
      const Verb& of = option < 180 ? verb : all[option % all.size()];
      add_option(in, line, verb, of.options[option % of.options.size()]);
    }
  }
  relate(verb, line);
  if (verb.takes_model && !line.given.contains("model") && !line.given.contains("synthetic")) {
    line.words.insert(line.words.begin() + 2, {"-m", path_of_model()});
  }
  const std::set<int> codes = allowed(line);
  if (verb.runs || line.help || codes == std::set<int>{2}) check(line, codes);
}

}  // namespace
}  // namespace prumo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  prumo::fuzz::Input in(data, size);
  prumo::fuzz::run(in);
  return 0;
}
