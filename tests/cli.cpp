// The command as a user meets it: the real binary, its output, its sentences and its exit codes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/builtin.h"
#include "cli/synthetic.h"
#include "gguf/format.h"
#include "kernels/kernels.h"
#include "prumo.h"
#include "support/command.h"
#include "support/tiny_llama.h"

namespace prumo {
namespace {

using nlohmann::json;
using namespace testing;

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const std::vector<std::string> kGenerate = {"generate", "-p", "In the beginning", "-n", "60"};

TEST(Help, EveryVerbHasOneWithExamplesAndInEightyColumns) {
  for (const std::string verb :
       {"", "generate", "bench", "verify", "tokenize", "detokenize", "info", "perplexity"}) {
    std::vector<std::string> words = {"--help"};
    if (!verb.empty()) words.insert(words.begin(), verb);
    const Ended help = run(words);
    EXPECT_EQ(help.code, 0) << verb;
    EXPECT_EQ(help.err, "") << verb;
    EXPECT_NE(help.out.find("Examples:\n  prumo " + verb), std::string::npos) << verb;
    std::size_t begin = 0;
    for (std::size_t end; (end = help.out.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      EXPECT_LE(end - begin, 80u) << help.out.substr(begin, end - begin);
    }
  }
  const Ended version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.out.starts_with("prumo ")) << version.out;
}

TEST(Usage, EveryMistakeIsOneSentenceAndCodeTwo) {
  const std::pair<std::vector<std::string>, std::string> mistakes[] = {
      {{}, "No verb"},
      {{"dance"}, "verbs are generate"},
      {{"--frobnicate"}, "--frobnicate"},
      {{"generate", "-p", "x", "--frobnicate"}, "prumo generate --help"},
      {{"generate", "-p", "x", "trailing"}, "trailing"},
      {{"generate", "-p"}, "prompt"},
      {{"generate"}, "--prompt"},
      {{"generate", "-p", "x", "--prompt-ids", "1"}, "one prompt only"},
      {{"generate", "-p", "", "-n", "5"}, "prompt is empty"},
      {{"generate", "-f", "-", "-n", "5"}, "prompt is empty"},
      {{"generate", "-p", "x", "-n", "0"}, "at least 1"},
      {{"generate", "-p", "x", "-n", "-1"}, "tokens"},
      {{"generate", "-p", "x", "-n", "many"}, "many"},
      {{"generate", "-p", "x", "-n", "18446744073709551616"}, "too large"},
      {{"generate", "-p", "x", "--seed", "18446744073709551616"}, "too large"},
      {{"generate", "-p", "x", "-n", "1.5"}, "1.5"},
      {{"generate", "-p", "x", "--temp", "nan"}, "--temp"},
      {{"generate", "-p", "x", "--temp", "-1"}, "--temp"},
      {{"generate", "-p", "x", "--temp", "inf"}, "--temp"},
      {{"generate", "-p", "x", "--top-p", "nan"}, "top"},
      {{"generate", "-p", "x", "--top-p", "0"}, "top"},
      {{"generate", "-p", "x", "--min-p", "1"}, "min"},
      {{"generate", "-p", "x", "--stop", ""}, "stop"},
      {{"generate", "-p", "x", "--batch", "0"}, "batch"},
      {{"generate", "-p", "x", "-t", "1000"}, "threads"},
      {{"generate", "-p", "x", "-c", "9999999"}, "context"},
      {{"generate", "-p", "In the beginning", "-c", "2"}, "shorten the prompt"},
      {{"generate", "-p", "x", "--cache", "f8"}, "f8"},
      {{"generate", "-p", "x", "--logits"}, "--json"},
      {{"generate", "--prompt-ids", "1,,2"}, "--prompt-ids"},
      {{"generate", "--prompt-ids", "1,99999999"}, "99999999"},
      {{"generate", "--prompt-ids", "-1"}, "-1"},
      {{"detokenize", "--ids", "1;2"}, "1;2"},
      {{"tokenize", "-p", "x", "-f", "y"}, "tokenize"},
      {{"bench", "--synthetic", "big"}, "embedding"},
      {{"bench", "--synthetic", "64x1:2:1:64:300:Q8_0", "-m", "x"}, "bench"},
      {{"bench", "-t", "0"}, "--threads"},
      {{"bench", "-r", "0"}, "repetition"},
      {{"bench", "-p", "0", "-n", "0"}, "Nothing"},
      {{"bench", "-o", "xml"}, "xml"},
      {{"bench", "-d", "999999"}, "positions"},
      {{"bench", "--write", "x"}, "--synthetic"},
      {{"verify", "--seconds", "nan"}, "--seconds"},
      {{"verify", "--kernel", "nothing"}, "argmax"},
  };
  for (const auto& [words, part] : mistakes) {
    std::string line;
    for (const std::string& word : words) line += " " + word;
    SCOPED_TRACE("prumo" + line);
    expect_failure(run(words), 2, part);
  }
}

// Every option that takes a number, with what else its verb needs.
TEST(Usage, WholeNumbersAreDecimalAndNoneIsCutShort) {
  const std::vector<std::string> verify = {"verify", "--kernel", "rope"};
  const std::vector<std::string> perplexity = {"perplexity", "-f", put("text.txt", "a text")};
  const std::pair<std::vector<std::string>, std::vector<std::string>> numbers[] = {
      {{"generate", "-p", "x"},
       {"--tokens", "--top-k", "--seed", "--threads", "--batch", "--context"}},
      {{"bench"}, {"--repetitions", "--batch", "--seed"}},
      {verify, {"--seed", "--input"}},
      {perplexity, {"--threads", "--batch", "--context"}},
  };
  for (const auto& [words, options] : numbers) {
    for (const std::string& option : options) {
      SCOPED_TRACE(words[0] + " " + option);
      for (const std::string wrong : {"-1", "0x10"}) {
        expect_failure(run(with(words, {option, wrong})), 2, "is no whole number");
      }
      expect_failure(run(with(words, {option, "18446744073709551616"})), 2, "too large");
    }
  }
  for (const std::string most : {"18446744073709551615", "9223372036854775808", "0"}) {
    const Ended one = run(with(verify, {"--input", most, "--seed", most}));
    EXPECT_EQ(one.out, "rope: input " + most + " of seed " + most + ": no bit differs\n")
        << one.err;
    const Ended seeded = run({"generate", "-p", "x", "-n", "2", "--json", "--seed", most});
    EXPECT_NE(seeded.out.find("\"seed\":" + most + ","), std::string::npos) << seeded.err;
  }
  for (const auto& [text, number] :
       {std::pair("010", 10u), {"08", 8u}, {"00000000000000000003", 3u}}) {
    const Ended made =
        run({"generate", "-p", "In the beginning", "-n", text, "--ignore-eos", "--json"});
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(json::parse(made.out)["ids"].size(), number) << text;
  }
}

TEST(Usage, APromptLongerThanTheContextIsSaidBeforeTheWork) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "begin ";
  expect_failure(run({"generate", "-f", "-"}, {.in = text}), 2, "shorten the prompt");
}

TEST(Usage, AnUnknownInstructionSetIsAnErrorForEveryVerbThatComputes) {
  for (const auto& words : {kGenerate, std::vector<std::string>{"info"},
                            std::vector<std::string>{"bench", "-r", "1"}}) {
    expect_failure(run(words, {.environment = {"PRUMO_ISA=mmx"}}), 2, "PRUMO_ISA");
  }
}

TEST(Models, AFileThatIsNoGoodModelIsOneSentenceAndCodeThree) {
  const std::string good = builtin_bytes();
  std::string corrupted = good;
  corrupted.replace(corrupted.find("llama.block_count"), 17, "llama.block_cough");
  std::string version = good;
  version[4] = 9;
  const std::string paths[] = {
      (folder() / "absent.gguf").string(),
      folder().string(),
      put("empty.gguf", ""),
      put("text.gguf", "This is a letter, not a model."),
      put("head.gguf", good.substr(0, 100)),
      put("truncated.gguf", good.substr(0, good.size() / 2)),
      put("corrupted.gguf", corrupted),
      put("version.gguf", version),
  };
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    expect_failure(run({"generate", "-p", "x", "-m", path}), 3, path);
    expect_failure(run({"bench", "-m", path}), 3, path);
  }
  for (const std::string verb : {"tokenize", "detokenize", "info"}) {
    expect_failure(run({verb, "-m", paths[5]}), 3, paths[5]);
  }
}

TEST(Models, WeightsThatAreNoNumbersAreCodeThreeToo) {
  GgufBuilder file = tiny_llama({});
  std::memset(tensor_of(file, "output_norm.weight").data.data(), 0xFF, 4);
  const std::string path = put("nan.gguf", text_of(file.build()));
  const Ended ended = run({"generate", "-p", "x", "--json", "-m", path});
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err.find("prumo: " + path + ": position "), 0u) << ended.err;
}

TEST(Output, AFullDiskIsOneSentenceAndCodeOne) {
  const std::vector<std::string> commands[] = {kGenerate,
                                               with(kGenerate, {"--json"}),
                                               {"info"},
                                               {"tokenize", "-p", "x"},
                                               {"detokenize", "--ids", "300,301"},
                                               {"--help"},
                                               {"verify", "-s", "0", "--kernel", "add"}};
  for (const auto& words : commands) {
    SCOPED_TRACE(words.front());
    expect_failure(run(words, {.out_path = "/dev/full"}), 1, "standard output");
  }
}

TEST(Output, NothingToWriteFitsOnAFullDisk) {
  const std::vector<std::string> generate = {"generate", "--prompt-ids", "1", "-n", "8"};
  const std::string text = run(generate).out;
  ASSERT_FALSE(text.empty());
  const std::vector<std::string> commands[] = {with(generate, {"--stop", text.substr(0, 1)}),
                                               {"detokenize", "--ids", ""}};
  for (const auto& words : commands) {
    SCOPED_TRACE(words.front());
    EXPECT_EQ(run(words).out, "");
    EXPECT_EQ(run(words, {.out_path = "/dev/full"}).code, 0);
  }
}

TEST(Output, AReaderThatLeavesIsOneSentenceAndCodeOne) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  expect_failure(run(kGenerate, {.out_fd = ends[1]}), 1, "standard output");
  ::close(ends[1]);
}

TEST(Generate, ItsTextIsThePromptAndTheJsonText) {
  const Ended text = run(kGenerate);
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.err, "") << "nothing but data when standard error is no terminal";
  const Ended object = run(with(kGenerate, {"--json"}));
  ASSERT_EQ(object.code, 0) << object.err;
  const json made = json::parse(object.out);
  std::string whole = "In the beginning" + made["text"].get<std::string>();
  if (!whole.ends_with('\n')) whole += '\n';
  EXPECT_EQ(text.out, whole);
  EXPECT_EQ(made["ids"].size(), made["finish"] == "length" ? 60u : made["ids"].size());
  for (const char* key : {"load_ns", "prefill_ns", "decode_ns", "sample_ns", "threads", "seed",
                          "drafted", "accepted"}) {
    EXPECT_TRUE(made[key].is_number_unsigned()) << key;
  }
  for (const char* key : {"decode_tok_s", "prefill_tok_s"}) {
    EXPECT_GT(made[key].get<double>(), 0) << key;
  }
  EXPECT_EQ(made["logits_hash"].get<std::string>().size(), 16u);
  EXPECT_EQ(made["isa"], choose_kernels().value()->name);
}

json generated(const std::string& tokens, const std::vector<std::string>& more,
               const Streams& streams = {}) {
  const Ended ended =
      run(with({"generate", "-p", "In the beginning", "-n", tokens, "--json"}, more), streams);
  EXPECT_EQ(ended.code, 0) << ended.err;
  return ended.code == 0 ? json::parse(ended.out) : json();
}

TEST(Generate, SameBitsOnEveryInstructionSetThreadCountAndBatch) {
  const std::map<std::string, json> expected = {{"60", generated("60", {})},
                                                {"6", generated("6", {})}};
  for (const Kernels* table : supported_kernels()) {
    for (const std::string threads : {"1", "2"}) {
      for (const std::string batch : {"1", "7", "512"}) {
        // The scalar kernels take a second for 60 tokens, so they make them once.
        const bool all = table->isa != Isa::kScalar || (threads == "1" && batch == "7");
        const std::string tokens = all ? "60" : "6";
        const json made = generated(tokens, {"-t", threads, "--batch", batch},
                                    {.environment = {"PRUMO_ISA=" + std::string(table->name)}});
        EXPECT_EQ(made["isa"], table->name);
        EXPECT_EQ(made["threads"], std::stoi(threads));
        EXPECT_EQ(made["ids"], expected.at(tokens)["ids"]);
        EXPECT_EQ(made["logits_hash"], expected.at(tokens)["logits_hash"])
            << table->name << ", " << threads << " threads, batch " << batch;
      }
    }
  }
  EXPECT_NE(expected.at("6")["logits_hash"], expected.at("60")["logits_hash"]);
}

TEST(Generate, LookupGivesTheSameInFewerPasses) {
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{}, {"--temp", "0.8", "--top-k", "40", "--stop", "the"}}) {
    const json plain = generated("60", how);
    const json sped = generated("60", with(how, {"--lookup"}));
    for (const char* key : {"ids", "text", "finish", "logits_hash"}) {
      EXPECT_EQ(sped[key], plain[key]) << key;
    }
    EXPECT_EQ(plain["drafted"], 0);
    if (how.empty()) {
      EXPECT_GT(sped["drafted"], 0) << "it repeats itself";
    }
    EXPECT_LE(sped["accepted"], sped["drafted"]);
  }
}

TEST(Generate, LogitsReadBackAsTheSameFloats) {
  const Ended ended =
      run({"generate", "--prompt-ids", "1,306,1992", "-n", "1", "--json", "--logits"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const json made = json::parse(ended.out);
  EXPECT_EQ(made["prompt_ids"], json::parse("[1,306,1992]"));
  auto model = Model::load(builtin_model(), 1);
  ASSERT_TRUE(model.ok());
  auto session = Session::create(*model, {.context = 8, .threads = 1});
  ASSERT_TRUE(session.ok());
  const std::vector<TokenId> ids = {1, 306, 1992};
  ASSERT_TRUE(session->prefill(ids).ok());
  const auto logits = session->logits();
  ASSERT_EQ(made["logits"].size(), logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    EXPECT_EQ(static_cast<float>(made["logits"][i].get<double>()), logits[i]);
  }
}

TEST(Generate, StopsEndTheTextAndSeedsChangeIt) {
  const json plain = json::parse(run(with(kGenerate, {"--json"})).out);
  const std::string text = plain["text"];
  const std::string stop = text.substr(text.size() / 2, 4);
  const json stopped =
      json::parse(run(with(kGenerate, {"--json", "--stop", "no such text", "--stop", stop})).out);
  EXPECT_EQ(stopped["finish"], "stop");
  EXPECT_EQ(stopped["text"], text.substr(0, text.find(stop)));
  const auto warm = with(kGenerate, {"--json", "--temp", "0.8", "--top-k", "40", "--top-p", "0.9"});
  const json one = json::parse(run(with(warm, {"--seed", "1"})).out);
  EXPECT_EQ(one["ids"], json::parse(run(with(warm, {"--seed", "1"})).out)["ids"]);
  EXPECT_NE(one["ids"], json::parse(run(with(warm, {"--seed", "2"})).out)["ids"]);
}

TEST(Generate, PromptFromAFileAndFromStandardInputAreTheSame) {
  const std::string path = put("prompt.txt", "In the beginning");
  const Ended expected = run(kGenerate);
  EXPECT_EQ(run({"generate", "-f", path, "-n", "60"}).out, expected.out);
  EXPECT_EQ(run({"generate", "-f", "-", "-n", "60"}, {.in = "In the beginning"}).out, expected.out);
  expect_failure(run({"generate", "-f", path + "x", "-n", "60"}), 1, path + "x");
}

TEST(Tokenize, GivesTheBytesBack) {
  const std::string texts[] = {"", "In the beginning",
                               "  two  spaces\n\n\ttab \xC3\xA9\xE2\x82\xAC",
                               std::string("\0\xFF\xC0", 3)};
  for (const std::string& text : texts) {
    for (const std::vector<std::string>& bos : {std::vector<std::string>{}, {"--no-bos"}}) {
      const Ended ids = run(with({"tokenize"}, bos), {.in = text});
      ASSERT_EQ(ids.code, 0) << ids.err;
      const Ended back = run({"detokenize"}, {.in = ids.out});
      EXPECT_EQ(back.code, 0) << back.err;
      EXPECT_EQ(back.out, text);
      EXPECT_EQ(run({"detokenize", "--ids", ids.out}).out, text);
    }
  }
  EXPECT_EQ(run({"tokenize", "-p", "In", "--no-bos"}).out + "",
            run({"tokenize", "-p", "In"}).out.substr(2));
}

TEST(Info, DescribesTheBuiltInModelAndFilesThatDoNotRun) {
  const json info = json::parse(run({"info", "--json"}).out);
  EXPECT_EQ(info["runs"], true);
  EXPECT_GT(info["parameters"], 1000000);
  EXPECT_EQ(info["keys"]["general.architecture"]["value"], "\"llama\"");
  EXPECT_GT(info["memory"]["kv_cache_bytes"], 0);
  EXPECT_EQ(run({"info"}).code, 0);

  std::string other = builtin_bytes();
  // Same length, so that the file stays readable.
  other.replace(other.find("llama", other.find("general.architecture")), 5, "camel");
  const std::string path = put("camel.gguf", other);
  const Ended ended = run({"info", "-m", path});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("runs here   no"), std::string::npos) << ended.out.substr(0, 500);
  EXPECT_NE(ended.out.find("camel"), std::string::npos);
  EXPECT_EQ(json::parse(run({"info", "-m", path, "--json"}).out)["runs"], false);
  expect_failure(run({"generate", "-p", "x", "-m", path}), 3, "camel");
}

TEST(Info, DescribesABrokenModelAndEndsWithCodeThree) {
  GgufBuilder file = tiny_llama({});
  drop_key(file, "llama.attention.head_count");
  file.add("llama.attention.head_count", 0u);
  const std::string path = put("heads.gguf", text_of(file.build()));
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"info", "-m", path}, {"info", "--json", "-m", path}}) {
    const Ended ended = run(words);
    EXPECT_EQ(ended.code, 3);
    EXPECT_NE(ended.out.find("token_embd.weight"), std::string::npos);
    EXPECT_EQ(ended.err.find("prumo: " + path + ": llama.attention.head_count: "), 0u) << ended.err;
  }
}

// As many keys as a file may have: each is looked at once, not compared with all before it. Keys
// that are cut to the same text are shown once.
TEST(Info, ManyKeysAreListedOnceEach) {
  GgufBuilder file;
  for (std::size_t i = 2; i < gguf::kMaxKeys; ++i) file.add("k" + std::to_string(i), true);
  for (const char last : {'a', 'b'}) file.add(std::string(300, 'x') + last, false);
  const std::string path = put("keys.gguf", text_of(file.build()));
  const json keys = json::parse(run({"info", "-m", path, "--json"}).out)["keys"];
  EXPECT_EQ(keys.size(), gguf::kMaxKeys - 1);
  EXPECT_EQ(keys["k7"]["value"], "true");
  EXPECT_EQ(keys.back()["value"], "false");
}

TEST(Bench, EveryFormatHoldsTheSameTests) {
  const std::vector<std::string> words = {"bench",
                                          "-p",
                                          "8",
                                          "-n",
                                          "4",
                                          "-t",
                                          "1",
                                          "-d",
                                          "0,16",
                                          "-r",
                                          "2",
                                          "--synthetic",
                                          "64x1:2:1:64:300:Q8_0"};
  const Ended ended = run(with(words, {"-o", "json"}));
  ASSERT_EQ(ended.code, 0) << ended.err;
  const json rows = json::parse(ended.out);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]["test"], "pp8");
  EXPECT_EQ(rows[1]["test"], "tg4");
  EXPECT_EQ(rows[2]["test"], "pp8 @ d16");
  EXPECT_EQ(rows[3]["test"], "tg4 @ d16");
  // One pass of 8 tokens reads what each of 4 passes of one does: positions in panels of 16.
  const auto bytes = [&](std::size_t i) {
    return rows[i]["gb_s"].get<double>() * rows[i]["median_ns"].get<double>();
  };
  constexpr double kPanel = 16.0 * 2 * 32 * 2;  // K and V, kv_dim, f16
  const double weights = bytes(0) - kPanel;
  EXPECT_NEAR(bytes(1), 4 * weights + 4 * kPanel, 1);
  EXPECT_NEAR(bytes(3), 4 * weights + 4 * 2 * kPanel, 1);
  constexpr double kOutput = 304.0 * 64 * 34 / 32;  // rows in panels of 16, Q8_0
  EXPECT_GT(weights, kOutput);
  // Two passes of 4 tokens, of which only the last reads the output matrix.
  const json halves = json::parse(run(with(words, {"-o", "json", "--batch", "4"})).out);
  EXPECT_NEAR(halves[0]["gb_s"].get<double>() * halves[0]["median_ns"].get<double>(),
              2 * weights - kOutput + 2 * kPanel, 1);
  for (const json& row : rows) {
    EXPECT_EQ(row["samples_ns"].size(), 2u);
    EXPECT_EQ(row["n_threads"], 1);
    EXPECT_EQ(row["model_n_params"], 2 * 300 * 64 + 64 * (2 * 64 + 2 * 32 + 3 * 64) + 3 * 64);
    EXPECT_GT(row["tok_s"], 0);
    EXPECT_GT(row["read_gb_s"], 0);
    EXPECT_GT(row["load_ns"], 0);
    EXPECT_GT(row["first_token_ns"], row["load_ns"]);
    EXPECT_GT(row["peak_rss_bytes"], row["kv_cache_bytes"]);
    EXPECT_EQ(row["kv_cache_bytes"], 512 * 2 * 32 * 2) << "positions, K and V, kv_dim, f16";
    EXPECT_EQ(row["gop_s"].is_null(), row["n_prompt"] == 0);
    EXPECT_GT(row["read_share"], 0);
  }
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(run(with(words, {"-o", "jsonl"})).out), 4);
  EXPECT_EQ(lines(run(with(words, {"-o", "csv"})).out), 5);
  EXPECT_EQ(lines(run(with(words, {"-o", "md"})).out), 6);
  EXPECT_EQ(lines(run(words).out), 9) << "three lines on the model and the machine, one empty";
}

TEST(Bench, SavesASyntheticModelThatRuns) {
  const std::string path = (folder() / "made.gguf").string();
  const std::vector<std::string> words = {"bench", "--synthetic", "64x1:2:1:64:300:Q4_0",
                                          "--write"};
  const Ended saved = run(with(words, {path}));
  EXPECT_EQ(saved.code, 0) << saved.err;
  EXPECT_EQ(run({"generate", "-m", path, "-p", "a b", "-n", "3"}).code, 0);
  expect_failure(run(with(words, {"/dev/full"})), 1, "/dev/full");
  expect_failure(run(with(words, {path + "/x"})), 1, path);
}

TEST(Verify, RunsEveryKernelOfEveryInstructionSet) {
  const Ended ended = run({"verify", "--seconds", "0.5"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  std::size_t kernels = 0;
  for_each_kernel([&](std::string_view name, auto) {
    ++kernels;
    EXPECT_NE(ended.out.find("\n" + std::string(name) + " "), std::string::npos) << name;
  });
  EXPECT_NE(ended.out.find(std::to_string(kernels) + " kernels"), std::string::npos);
  for (const Kernels* table : supported_kernels()) {
    EXPECT_NE(ended.out.find(table->name), std::string::npos) << table->name;
  }
  EXPECT_EQ(run({"verify", "--kernel", "rope", "--input", "12"}).code, 0);
}

}  // namespace
}  // namespace prumo
