// The verbs of the command with their options and some values of each, written down once more, with
// what a value leads to: the oracle of fuzz/cli.cpp.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace prumo::fuzz {

/// Good; refused while the line is read; refused before the model is loaded; refused once it is
/// there (2), or a file that cannot be read (1).
enum class Fate { kGood, kUnread, kBefore, kLater, kFile };

struct Value {
  const char* text;
  Fate fate = Fate::kGood;
};
using Values = std::vector<Value>;

/// Words that stand for a path: a good model, one whose logits are no numbers, a text.
inline const Values kModels = {
    {"$model"}, {"$model"}, {"$nan"}, {"$text"}, {"/nonexistent/model.gguf"}, {"/"}};
inline const Values kWholes = {{"1"},
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

inline Values wholes(Values more) {
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
  bool runs;  ///< quick enough, whatever the options
  bool takes_model;
  std::vector<Option> options;
};

/// Every kernel by name, and one that is none.
inline Values kernel_names() {
  Values out;
  for_each_kernel([&](std::string_view name, auto) { out.push_back({name.data()}); });
  out.push_back({"nothing", Fate::kBefore});
  return out;
}

inline const std::vector<Verb>& verbs() {
  static const Option kModel = {"model", "m", kModels};
  static const Option kThreads = {"threads", "t", wholes({{"0"}, {"1"}, {"257", Fate::kLater}})};
  static const Option kBatch = {"batch", "", wholes({{"512"}, {"0", Fate::kLater}})};
  static const Option kFlagJson = {"json"};
  static const Option kCache = {
      "cache", "", {{"f16"}, {"f32"}, {"q8_0"}, {"f8", Fate::kUnread}, {"", Fate::kUnread}}};
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
       true,
       true,
       {kModel,
        {"synthetic",
         "",
         {{"32x1:1:1:32:260:Q8_0"},
          {"32x1:1:1:32:260:F32:tied"},
          {"32x1:1:1:32:262:BF16"},
          {"32x1:1:1:32:260:Q5_1"},
          {"32x1:1:1:32:260:Q4_0"},
          {"32x1:1:1:32:260:Q5_0"},
          {"32x1:1:1:32:260:Q4_1"},
          {"256x1:8:2:256:259:Q2_K"},
          {"256x1:8:8:256:259:Q3_K_L"},
          {"64x1:2:2:64:259:Q5_K_S"},
          {"64x2:2:2:64:259:Q4_K_M"},
          {"256x1:8:8:256:259:Q5_K_M"},
          {"32x1:1:1:32:260:Q3_K_M", Fate::kBefore},
          {"32x1:1:1:32:260:X", Fate::kBefore},
          {"256x1:8:8:256:260:Q4_K_M"},
          {"256x1:8:4:256:260:Q3_K_M:tied"},
          {"256x1:8:2:256:260:Q6_K"},
          {"big", Fate::kBefore},
          {"32", Fate::kBefore},
          {"32x1:3:1:32:260:F32", Fate::kBefore},
          {"96x1:3:2:96:260:F32", Fate::kBefore},
          {"96x1:3:3:96:260:Q6_K", Fate::kBefore},
          {"32x1:1:1:32:260:Q6_K_M", Fate::kBefore}}},
        {"prompt",
         "p",
         {{"4"}, {"1,2"}, {"0"}, {"17"}, {"x", Fate::kBefore}, {"-1", Fate::kBefore}}},
        {"gen", "n", {{"2"}, {"1,2"}, {"0"}, {"1,", Fate::kBefore}}},
        {"depth", "d", {{"0"}, {"0,8"}, {"8"}, {"2000000", Fate::kBefore}}},
        {"threads", "t", {{"1"}, {"1"}, {"1,2"}, {"0", Fate::kBefore}, {"257", Fate::kBefore}}},
        {"repetitions", "r", wholes({{"0", Fate::kBefore}})},
        {"batch", "", wholes({{"512"}, {"0", Fate::kLater}})},
        kCache,
        kSeed,
        {"output", "o", {{"table"}, {"md"}, {"json"}, {"jsonl"}, {"csv"}, {"xml", Fate::kUnread}}},
        {"write", "", {{"/dev/null"}, {"/nonexistent/model", Fate::kFile}}}}},
      {"verify",
       false,
       false,
       {{"seconds",
         "s",
         {{"0"}, {"1"}, {"nan", Fate::kBefore}, {"-1", Fate::kBefore}, {"x", Fate::kUnread}}},
        kSeed,
        {"kernel", "", kernel_names()},
        {"input", "", wholes({{"0"}, {"18446744073709551615"}})}}},
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
        {"reference", "", {{"$model"}, {"$nan"}}},
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

}  // namespace prumo::fuzz
