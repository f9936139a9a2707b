// Real models against the answers of llama.cpp, recorded beside them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "prumo.h"

namespace prumo {
namespace {

struct Case {
  const char* name;
  double most;  // relative error of the logits
};

class Parity : public ::testing::TestWithParam<Case> {};

TEST_P(Parity, LogitsAndGreedyTokens) {
  const char* folder = std::getenv("PRUMO_PARITY_DATA");
  if (folder == nullptr) GTEST_SKIP() << "PRUMO_PARITY_DATA names no folder of models and answers";
  const std::string base = std::string(folder) + "/" + GetParam().name;
  std::ifstream answers(base + ".json");
  if (!answers) GTEST_SKIP() << base << ".json is not there";
  const auto answer = nlohmann::json::parse(answers);
  const auto prompt = answer.at("prompt").get<std::vector<TokenId>>();
  const auto logits = answer.at("logits").get<std::vector<double>>();
  const auto greedy = answer.at("greedy").get<std::vector<TokenId>>();
  const auto margin = answer.at("margin").get<std::vector<double>>();

  const auto model = Model::load(base + ".gguf", 2);
  ASSERT_TRUE(model.ok()) << model.error().place << ": " << model.error().message;
  auto session = Session::create(*model, {.cache = CacheType::kF32});
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(session->prefill(prompt).ok());
  ASSERT_EQ(session->logits().size(), logits.size());
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    difference += std::pow(session->logits()[i] - logits[i], 2);
    norm += logits[i] * logits[i];
  }
  const double error = std::sqrt(difference / norm);
  EXPECT_LT(error, GetParam().most);
  std::printf("%s: relative error of the logits %.2g, allowed %.0g\n", GetParam().name, error,
              GetParam().most);

  session->rewind(0);
  const auto made = generate(*session, prompt, {.max_tokens = greedy.size(), .ignore_eos = true});
  ASSERT_TRUE(made.ok());
  std::size_t compared = 0;
  while (compared < greedy.size() && margin[compared] >= 0.05) {
    ASSERT_EQ(made->ids[compared], greedy[compared]) << "step " << compared;
    ++compared;
  }
  std::printf("%s: %zu greedy tokens compared\n", GetParam().name, compared);
}

INSTANTIATE_TEST_SUITE_P(Models, Parity,
                         ::testing::Values(Case{"stories260K", 1e-4}, Case{"gqa-f32", 1e-4},
                                           Case{"gqa-F16", 2e-3}, Case{"gqa-BF16", 2e-3},
                                           Case{"gqa-Q8_0", 3e-2}, Case{"gqa-Q4_0", 3e-2}),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

TEST(ParityText, StoriesGoOnAsTheyShould) {
  const char* folder = std::getenv("PRUMO_PARITY_DATA");
  if (folder == nullptr) GTEST_SKIP() << "PRUMO_PARITY_DATA names no folder of models and answers";
  const auto model = Model::load(std::string(folder) + "/stories260K.gguf", 2);
  if (!model.ok()) GTEST_SKIP() << model.error().message;
  auto session = Session::create(*model);
  const auto made = generate(*session, model->tokenize("Once upon a time"), {.max_tokens = 60});
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(
      made->text.starts_with(", there was a little girl named Lily. She loved to play outside in "
                             "the park. One day, she saw a big, red ball."))
      << made->text;
}

}  // namespace
}  // namespace prumo
