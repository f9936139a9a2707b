// Argument vectors through the whole command, in this process: the exit code must be one that a
// table of verbs and options allows, with data of the verb's form or one sentence where they
// belong.
//
// Input: u8 verb (of kVerbs; the rest: none, or none that exists), then words: u8 which option (of
// all verbs'; 200: help, 201: a word too many, 202: nothing can be
// written, 203: interrupted), u8 how it is written, u8 value (of
// support/command_table.h). A verb that takes a model gets a good one unless told otherwise, and a
// measurement few tokens. A verification runs one input of one kernel, or is to be refused.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/machine.h"
#include "cli/report.h"
#include "support/check.h"
#include "support/command_table.h"
#include "support/short_stacks.h"
#include "support/tiny_llama.h"

namespace prumo {

// The linker's --wrap. What the machine can do takes seconds to measure, and is nothing that an
// argument changes.
Result<double> any_bandwidth(ThreadTeam&, std::size_t) __asm__(
    "__wrap__ZN5prumo3cli14read_bandwidthERNS_10ThreadTeamEm");
Result<double> any_bandwidth(ThreadTeam&, std::size_t) {
  return 10.0;
}
double any_peak(ThreadTeam&,
                Isa) __asm__("__wrap__ZN5prumo3cli9int8_peakERNS_10ThreadTeamENS_3IsaE");
double any_peak(ThreadTeam&, Isa isa) {
  return isa == Isa::kAvx512 ? 100.0 : 0.0;
}

}  // namespace prumo

namespace prumo::fuzz {
namespace {

/// A file in memory, by the path that opens it.
std::string memory_file(const char* name, const void* bytes, std::size_t size) {
  const int file = ::memfd_create(name, 0);
  CHECK(file >= 0 && ::write(file, bytes, size) == static_cast<ssize_t>(size), name);
  return "/proc/self/fd/" + std::to_string(file);
}

constexpr std::size_t kContext = 16;  // positions of the models
constexpr std::size_t kVocab = 259;   // three special tokens, and the bytes
const std::string kText = "ab ab";    // of the file

std::string made_model(const char* name, float norm) {
  testing::TinyShape shape;
  shape.embedding = shape.ffn = 8;
  shape.heads = shape.kv_heads = shape.layers = 1;
  shape.head_dim = 8;
  shape.vocab = kVocab;
  shape.context = kContext;
  testing::GgufBuilder file = testing::tiny_llama(shape);
  std::memcpy(testing::tensor_of(file, "output_norm.weight").data.data(), &norm, sizeof norm);
  const testing::Bytes bytes = file.build();
  return memory_file(name, bytes.data(), bytes.size());
}

/// The word itself, or the path that it stands for.
const std::string& path_or(const std::string& word) {
  static const std::map<std::string, std::string> kPaths = {
      {"$text", memory_file("text", kText.data(), kText.size())},
      {"$model", made_model("model", 1)},
      {"$nan", made_model("nan", NAN)}};
  const auto found = kPaths.find(word);
  return found == kPaths.end() ? word : found->second;
}

struct Line {
  std::vector<std::string> words = {"prumo"};
  std::set<Fate> fates;
  std::map<std::string, std::vector<std::string>> given;
  bool bad_model = false;
  bool help = false;
  bool full = false;                    ///< standard output takes nothing
  bool interrupted = false;             ///< before it begins
  std::vector<std::string> tests = {};  ///< of a measurement, by name

  [[nodiscard]] bool has(const char* option) const { return given.contains(option); }
  [[nodiscard]] std::string value_of(const char* option, const char* usual) const {
    return has(option) ? given.at(option).front() : usual;
  }
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
  const std::string text = path_or(value.text);
  if (!text.empty() && form % 4 >= 2) {
    line.words.push_back(written + (brief ? "" : "=") + text);
  } else {
    line.words.push_back(written);
    line.words.push_back(text);
  }
  line.given[name].push_back(value.text);
  if (line.given[name].size() > 1 && !used.again) line.fates.insert(Fate::kUnread);
  if (value.fate != Fate::kGood) line.fates.insert(value.fate);
  const std::string_view path = value.text;
  const std::string_view of = verb.name;
  const bool computes = of == "generate" || of == "bench" || of == "perplexity";
  if (name == "model" && path != "$model" && (path != "$nan" || computes)) line.bad_model = true;
  if (name == "reference" && path == "$nan") line.bad_model = true;
}

std::vector<std::size_t> numbers_of(std::string text) {
  std::vector<std::size_t> out;
  for (std::size_t comma = 0; comma != std::string::npos; text.erase(0, comma + 1)) {
    comma = text.find(',');
    out.push_back(std::strtoul(text.c_str(), nullptr, 10));
    if (comma == std::string::npos) break;
  }
  return out;
}

/// Few tokens, unless told otherwise, and the tests that they make.
void plan_bench(Line& line) {
  const bool synthetic = line.has("synthetic");
  const auto numbers = [&](const char* option, const char* usual) {
    if (!line.has(option)) {
      line.words.insert(line.words.end(), {"--" + std::string(option), usual});
      line.given[option].emplace_back(usual);
    }
    return numbers_of(line.given[option].front());
  };
  const auto prompts = numbers("prompt", "4"), gens = numbers("gen", "2");
  const auto threads = numbers("threads", "1");
  numbers("repetitions", "1");
  // The usual depth of 1024 is left out where the model has no room for it.
  const auto depths = line.has("depth") || synthetic ? numbers("depth", "0") : numbers_of("0");
  std::size_t longest = 0;
  for (std::size_t t = 0; t < threads.size(); ++t) {
    for (const std::size_t depth : depths) {
      const std::string at = depth == 0 ? "" : " @ d" + std::to_string(depth);
      const auto add = [&](const char* what, std::size_t n) {
        if (n == 0) return;
        line.tests.push_back(what + std::to_string(n) + at);
        longest = std::max(longest, depth + n);
      };
      for (const std::size_t n : prompts) add("pp", n);
      for (const std::size_t n : gens) add("tg", n);
    }
  }
  if (line.tests.empty()) line.fates.insert(Fate::kBefore);
  if (line.has("write")) {
    line.tests.clear();
    line.fates.erase(Fate::kLater);  // nothing is computed with
    if (!synthetic) line.fates.insert(Fate::kBefore);
  } else if (longest > kContext && !synthetic) {
    line.fates.insert(Fate::kLater);
  }
}

/// What options ask of each other.
void relate(const Verb& verb, Line& line) {
  const std::string name = verb.name;
  const auto has = [&](const char* option) { return line.has(option); };
  if (name == "generate") {
    const int prompts = has("prompt") + has("file") + has("prompt-ids");
    if (prompts != 1 || (has("logits") && !has("json"))) line.fates.insert(Fate::kBefore);
  }
  if (name == "tokenize" && has("file") && has("prompt")) line.fates.insert(Fate::kUnread);
  if (name == "bench" && has("synthetic") && has("model")) line.fates.insert(Fate::kUnread);
  if (name == "verify" && has("input") && !has("kernel")) line.fates.insert(Fate::kBefore);
  // The model's heads are too short for blocks of 32.
  const bool small_heads =
      name == "generate" || name == "perplexity" || (name == "bench" && !has("synthetic"));
  if (small_heads && line.value_of("cache", "") == "q8_0") line.fates.insert(Fate::kLater);
  if (name == "bench") plan_bench(line);
  if (name == "perplexity" && !has("file")) line.fates.insert(Fate::kLater);  // nothing to read
}

/// Verbs whose text may be empty: of no ids, or where the model ends it at once.
bool may_print_nothing(std::string_view verb) {
  return verb == "generate" || verb == "detokenize";
}

/// The code of a line without a fault.
std::set<int> sound(const Line& line) {
  const std::string& verb = line.words[1];
  const bool computes = verb == "generate" || verb == "bench" || verb == "perplexity";
  if (line.has("write")) return {0};
  if (line.interrupted && computes) return verb == "generate" ? std::set{130, 1} : std::set{130};
  if (line.full && may_print_nothing(verb)) return {0, 1};
  if (line.full) return {1};
  return {0};
}

std::set<int> allowed(const Line& line) {
  std::set<int> codes;
  const bool unread = line.fates.contains(Fate::kUnread);
  if (line.help) codes.insert(line.full ? 1 : 0);
  if (line.help && unread) codes.insert(2);
  if (line.help) return codes;
  if (unread || line.fates.contains(Fate::kBefore)) return {2};
  if (line.bad_model) codes.insert(3);
  if (line.bad_model && line.interrupted) codes.merge(sound(line));  // NaN that nobody came to see
  if (line.fates.contains(Fate::kLater)) codes.insert(2);
  if (line.fates.contains(Fate::kFile)) codes.insert(1);
  return codes.empty() ? sound(line) : codes;
}

struct Ended {
  int code;
  std::string out, err;
};

/// Runs it with standard output in a file in memory. What the command says goes to a stream of its
/// own; the sanitizers keep standard error.
Ended run(const Line& line) {
  static const int output = ::memfd_create("output", 0);
  static const int nothing = ::open("/dev/null", O_RDONLY);
  static const int full = ::open("/dev/full", O_WRONLY);
  std::fflush(stdout);
  const int kept_out = ::dup(STDOUT_FILENO);
  const int kept_in = ::dup(STDIN_FILENO);
  constexpr int kSignals[] = {SIGINT, SIGSEGV, SIGBUS};
  struct sigaction kept_actions[std::size(kSignals)] = {};
  for (std::size_t i = 0; i < std::size(kSignals); ++i)
    ::sigaction(kSignals[i], nullptr, &kept_actions[i]);
  CHECK(::ftruncate(output, 0) == 0 && ::lseek(output, 0, SEEK_SET) == 0, "output");
  ::dup2(line.full ? full : output, STDOUT_FILENO);
  ::dup2(nothing, STDIN_FILENO);
  char* said = nullptr;
  std::size_t said_bytes = 0;
  std::FILE* const kept_err = stderr;
  stderr = ::open_memstream(&said, &said_bytes);
  std::vector<const char*> pointers;
  for (const std::string& word : line.words) pointers.push_back(word.c_str());
  Ended ended{};
  cli::interrupted = line.interrupted;
  ended.code = cli::run_command(static_cast<int>(pointers.size()), pointers.data());
  std::fclose(stderr);
  stderr = kept_err;
  ended.err.assign(said, said_bytes);
  std::free(said);
  ::dup2(kept_out, STDOUT_FILENO);
  ::dup2(kept_in, STDIN_FILENO);
  ::close(kept_out);
  ::close(kept_in);
  for (std::size_t i = 0; i < std::size(kSignals); ++i)
    ::sigaction(kSignals[i], &kept_actions[i], nullptr);
  ended.out.resize(static_cast<std::size_t>(::lseek(output, 0, SEEK_END)));
  const ssize_t got = ::pread(output, ended.out.data(), ended.out.size(), 0);
  CHECK(got == static_cast<ssize_t>(ended.out.size()), "output");
  return ended;
}

/// One row a test, in their order, and as many lines as the format has.
void check_measured(const Line& line, const std::string& out) {
  const std::string format = line.value_of("output", "table");
  const auto lines = static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
  const std::size_t n = line.tests.size();
  if (line.has("write")) {
    CHECK(out.empty(), out);
  } else if (format == "table") {
    CHECK(lines > n + 4, out);
  } else {
    CHECK(lines == (format == "json"    ? 1
                    : format == "jsonl" ? n
                    : format == "csv"   ? n + 1
                                        : n + 2),
          out);
  }
  std::size_t at = 0;
  for (const std::string& test : line.tests) {
    at = out.find(test, at);
    CHECK(at != std::string::npos, test + " is missing: " + out);
    at += test.size();
  }
}

using Json = nlohmann::json;

/// The text that a line says, or its file holds; standard input holds none.
std::string text_of(const Line& line) {
  if (line.has("prompt")) return line.value_of("prompt", "");
  return line.value_of("file", "-") == "$text" ? kText : "";
}

/// One line with one object that has just these keys.
Json object_in(const std::string& out, std::set<std::string> keys) {
  CHECK(out.ends_with('\n') && std::count(out.begin(), out.end(), '\n') == 1, "one line: " + out);
  Json json = Json::parse(out, nullptr, false);
  CHECK(json.is_object(), "no object: " + out);
  for (const auto& [key, value] : json.items()) CHECK(keys.erase(key) == 1, key + " in " + out);
  CHECK(keys.empty(), *keys.begin() + " is missing: " + out);
  return json;
}

void check_generated(const Line& line, const std::string& out) {
  if (!line.has("json")) {
    CHECK(out.empty() || out.back() == '\n', "a last line: " + out);
    CHECK(line.has("prompt-ids") || out.starts_with(text_of(line)), "the prompt first: " + out);
    return;
  }
  std::set<std::string> keys = {
      "model",    "prompt_ids", "ids",           "text",         "finish",  "logits_hash",
      "seed",     "load_ns",    "prefill_ns",    "decode_ns",    "drafted", "sample_ns",
      "accepted", "isa",        "prefill_tok_s", "decode_tok_s", "threads"};
  if (line.has("logits")) keys.insert("logits");
  const Json json = object_in(out, keys);
  const std::size_t most = std::strtoul(line.value_of("tokens", "128").c_str(), nullptr, 10);
  CHECK(json["ids"].size() <= most && !json["prompt_ids"].empty(), out);
  CHECK(!line.has("logits") || json["logits"].size() == kVocab, out);
}

/// Ids on one line, of which detokenize makes the text again.
void check_ids(const Line& line, const std::string& out) {
  CHECK(out.ends_with('\n') && out.find_first_not_of("0123456789,") == out.size() - 1, out);
  Line back;
  const std::string ids = out.substr(0, out.size() - 1);
  back.words = {"prumo", "detokenize", "-m", path_or(line.value_of("model", "$model")),
                "--ids", ids};
  const Ended ended = run(back);
  CHECK(ended.code == 0 && ended.out == text_of(line), out + " became " + ended.out);
}

/// The first three tokens are special and print nothing; the others are the bytes.
void check_text(const Line& line, const std::string& out) {
  std::string wanted;
  for (const std::size_t id : numbers_of(line.value_of("ids", ""))) {
    if (id >= 3) wanted += static_cast<char>(id - 3);
  }
  CHECK(out == wanted, "detokenize printed " + out);
}

void check_info(const Line& line, const std::string& out) {
  if (!line.has("json")) {
    CHECK(out.starts_with("file        ") && out.find("\nruns here   yes\n") != std::string::npos,
          out);
    return;
  }
  const Json json = object_in(out, {"file", "version", "alignment", "parameters", "tensor_bytes",
                                    "runs", "memory", "isa", "keys", "tensors"});
  CHECK(json["file"] == path_or(line.value_of("model", "$model")) && json["runs"] == true, out);
  CHECK(!json["keys"].empty() && !json["tensors"].empty(), out);
}

void check_scored(const Line& line, const std::string& out) {
  if (!line.has("json")) {
    std::string heads;
    for (std::size_t at = 0; at < out.size(); at = out.find('\n', at) + 1) heads += out[at];
    CHECK(out.ends_with('\n') && heads == (line.has("reference") ? "tnpbKts" : "tnpbs"), out);
    return;
  }
  std::set<std::string> keys = {
      "model",          "type_kv", "bytes",         "tokens",     "context", "stride", "windows",
      "nats_per_token", "tok_s",   "bits_per_byte", "perplexity", "isa",     "threads"};
  if (line.has("reference")) {
    keys.insert({"kl_mean", "kl_median", "kl_p99", "kl_max", "top_agreement"});
  }
  const Json json = object_in(out, keys);
  CHECK(json["bytes"] == kText.size() && json["perplexity"] > 0, out);
  // The models that can be scored are one and the same; the reference's cache is F16.
  const bool alike = line.has("reference") && line.value_of("cache", "f16") == "f16";
  CHECK(!alike || (json["kl_max"] == 0 && json["top_agreement"] == 1), out);
}

/// What a verb prints that ends well.
void check_printed(const Line& line, const std::string& out) {
  const std::string& verb = line.words[1];
  if (verb == "bench") check_measured(line, out);
  if (verb == "generate") check_generated(line, out);
  if (verb == "tokenize") check_ids(line, out);
  if (verb == "detokenize") check_text(line, out);
  if (verb == "info") check_info(line, out);
  if (verb == "perplexity") check_scored(line, out);
  if (verb == "verify") {
    const auto number = [&](const char* option, const char* usual) {
      const std::string text = line.value_of(option, usual);
      return text.size() > 1 && text[0] == '0' ? text.substr(1) : text;
    };
    CHECK(out == line.value_of("kernel", "") + ": input " + number("input", "") + " of seed " +
                     number("seed", "1") + ": no bit differs\n",
          out);
  }
}

void check(const Line& line, const std::set<int>& codes) {
  std::string shown;
  for (const std::string& word : line.words) shown += " '" + word + "'";
  const Ended ended = run(line);
  CHECK(codes.contains(ended.code),
        "exit code " + std::to_string(ended.code) + " of" + shown + ": " + ended.err);
  if (ended.code == 0 && line.full) {
    Line again = line;
    again.full = false;
    const Ended printed = run(again);
    CHECK(printed.code == 0 && printed.out.empty(), shown + " printed " + printed.out);
    return;
  }
  if (ended.code == 0) {
    CHECK(ended.err.empty() || ended.err[0] == '[', shown + " also says " + ended.err);
    if (line.help) {
      CHECK(ended.out.find("Usage:") != std::string::npos, ended.out);
    } else {
      check_printed(line, ended.out);
    }
    return;
  }
  if (ended.code == 130 && ended.err.empty()) return;  // what there was is printed
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
    } else if (option == 202) {
      line.full = true;
    } else if (option == 203) {
      line.interrupted = true;
    } else {
      // Mostly the verb's own, now and then another's.
      const Verb& of = option < 180 ? verb : all[option % all.size()];
      add_option(in, line, verb, of.options[option % of.options.size()]);
    }
  }
  relate(verb, line);
  if (verb.takes_model && !line.given.contains("model") && !line.given.contains("synthetic")) {
    line.words.insert(line.words.begin() + 2, {"-m", path_or("$model")});
  }
  const std::set<int> codes = allowed(line);
  const bool one_input = line.has("kernel") && line.has("input");
  if (verb.runs || one_input || line.help || codes == std::set<int>{2}) check(line, codes);
}

}  // namespace
}  // namespace prumo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  prumo::fuzz::Input in(data, size);
  prumo::fuzz::run(in);
  return 0;
}
