// Mixtures: whole models of well-known shapes matrix by matrix, as a quantizer makes them, and each
// rule at its edges.
#include "cli/mixture.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/synthetic.h"
#include "gguf/reader.h"

namespace prumo {
namespace {

using enum gguf::TensorType;
using gguf::TensorType;

std::string text(std::optional<TensorType> type) {
  return type ? std::string(gguf::type_traits(*type).name) : "none";
}

// The layers, of `layers`, whose matrix is not in the mixture's main type.
std::set<std::size_t> wider(Mixture mixture, Role role, std::size_t layers) {
  std::set<std::size_t> out;
  for (std::size_t i = 0; i < layers; ++i) {
    if (mixed_type(mixture, role, i, layers, 256) != main_type(mixture)) out.insert(i);
  }
  return out;
}

std::set<std::size_t> first(std::size_t n) {
  std::set<std::size_t> out;
  for (std::size_t i = 0; i < n; ++i) out.insert(i);
  return out;
}

TEST(Mixture, NamesAreThoseOfFiles) {
  const std::pair<const char*, TensorType> names[] = {
      {"Q3_K_S", kQ3_K}, {"Q3_K_M", kQ3_K}, {"Q3_K_L", kQ3_K}, {"Q4_K_S", kQ4_K},
      {"Q4_K_M", kQ4_K}, {"Q5_K_S", kQ5_K}, {"Q5_K_M", kQ5_K}};
  std::set<Mixture> seen;
  for (const auto& [name, type] : names) {
    const auto mixture = mixture_named(name);
    ASSERT_TRUE(mixture) << name;
    EXPECT_EQ(main_type(*mixture), type) << name;
    seen.insert(*mixture);
  }
  EXPECT_EQ(seen.size(), 7u);
  for (const char* other : {"", "Q4_K", "Q4_K_L", "q4_k_m", "Q4_K_M ", "Q6_K"}) {
    EXPECT_FALSE(mixture_named(other)) << other;
  }
}

TEST(Mixture, WhichLayersGetMoreBits) {
  // 22 layers: two at either end (19.25 rounds down to 19), and every third between.
  const std::set<std::size_t> of_22 = {0, 1, 4, 7, 10, 13, 16, 19, 20, 21};
  const std::set<std::size_t> of_30 = {0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29};
  const std::set<std::size_t> of_6 = {2, 5};
  for (const Mixture medium : {Mixture::kQ4KM, Mixture::kQ5KM}) {
    for (const Role role : {Role::kAttnV, Role::kFfnDown}) {
      EXPECT_EQ(wider(medium, role, 22), of_22);
      EXPECT_EQ(wider(medium, role, 30), of_30);
      EXPECT_EQ(wider(medium, role, 6), of_6);
      EXPECT_EQ(wider(medium, role, 1), first(1));
      EXPECT_EQ(mixed_type(medium, role, 2, 6, 256), kQ6_K);
    }
  }
  EXPECT_EQ(wider(Mixture::kQ4KS, Role::kAttnV, 22), first(4));
  EXPECT_EQ(wider(Mixture::kQ4KS, Role::kFfnDown, 22), first(2));
  EXPECT_EQ(wider(Mixture::kQ4KS, Role::kFfnDown, 7), first(0));
  EXPECT_EQ(mixed_type(Mixture::kQ4KS, Role::kAttnV, 0, 22, 256), kQ5_K);
  EXPECT_EQ(mixed_type(Mixture::kQ4KS, Role::kFfnDown, 0, 22, 256), kQ5_K);
  EXPECT_EQ(wider(Mixture::kQ5KS, Role::kAttnV, 22), first(0));
  EXPECT_EQ(wider(Mixture::kQ3KS, Role::kFfnDown, 22), first(0));
}

TEST(Mixture, ThreeBits) {
  const auto type = [](Mixture mixture, Role role, std::size_t layer, std::size_t layers) {
    return text(mixed_type(mixture, role, layer, layers, 256));
  };
  EXPECT_EQ(type(Mixture::kQ3KM, Role::kAttnV, 1, 32), "Q5_K");
  EXPECT_EQ(type(Mixture::kQ3KM, Role::kAttnV, 2, 32), "Q4_K");
  EXPECT_EQ(type(Mixture::kQ3KM, Role::kFfnDown, 1, 32), "Q5_K");
  EXPECT_EQ(type(Mixture::kQ3KM, Role::kFfnDown, 2, 32), "Q4_K");
  EXPECT_EQ(type(Mixture::kQ3KM, Role::kFfnDown, 0, 15), "Q4_K");
  EXPECT_EQ(type(Mixture::kQ3KM, Role::kAttnOutput, 0, 32), "Q4_K");
  for (const Role role : {Role::kAttnV, Role::kFfnDown, Role::kAttnOutput}) {
    EXPECT_EQ(type(Mixture::kQ3KL, role, 9, 32), "Q5_K");
    EXPECT_EQ(type(Mixture::kQ3KS, role, 9, 32), "Q3_K");
  }
}

TEST(Mixture, EightyLayersShareTheirValues) {
  EXPECT_EQ(mixed_type(Mixture::kQ4KM, Role::kAttnV, 10, 80, 256), kQ5_K);
  EXPECT_EQ(mixed_type(Mixture::kQ4KM, Role::kAttnV, 12, 80, 256), kQ6_K);
  EXPECT_EQ(mixed_type(Mixture::kQ3KS, Role::kAttnV, 10, 80, 256), kQ5_K);
  EXPECT_EQ(mixed_type(Mixture::kQ4KM, Role::kAttnV, 10, 79, 256), kQ4_K);
  EXPECT_EQ(mixed_type(Mixture::kQ4KM, Role::kFfnDown, 10, 80, 256), kQ4_K);
}

TEST(Mixture, WhatStandsInWhereRowsDoNotFit) {
  for (const auto& [columns, q3, q4, q5, q6] :
       std::vector<std::tuple<std::size_t, const char*, const char*, const char*, const char*>>{
           {256, "Q3_K", "Q4_K", "Q5_K", "Q6_K"},
           {768, "Q3_K", "Q4_K", "Q5_K", "Q6_K"},
           {576, "none", "Q5_0", "Q5_1", "Q8_0"},
           {32, "none", "Q5_0", "Q5_1", "Q8_0"},
           {48, "F16", "F16", "F16", "F16"}}) {
    EXPECT_EQ(text(mixed_type(Mixture::kQ3KS, Role::kAttnQ, 0, 9, columns)), q3) << columns;
    EXPECT_EQ(text(mixed_type(Mixture::kQ4KM, Role::kAttnK, 0, 9, columns)), q4) << columns;
    EXPECT_EQ(text(mixed_type(Mixture::kQ5KM, Role::kFfnUp, 0, 9, columns)), q5) << columns;
    EXPECT_EQ(text(mixed_type(Mixture::kQ4KM, Role::kOutput, 0, 9, columns)), q6) << columns;
  }
}

// How many matrices of each type a file has. The counts are those of files that llama.cpp's
// quantizer made of models of these shapes.
std::map<std::string, int> count(const char* shape) {
  const auto parsed = parse_shape(shape);
  EXPECT_TRUE(parsed.ok()) << parsed.error().message;
  const auto bytes = synthetic_model(*parsed);
  EXPECT_TRUE(bytes.ok());
  const auto file = gguf::File::parse(*bytes);
  EXPECT_TRUE(file.ok());
  std::map<std::string, int> counts;
  for (const gguf::Tensor& tensor : file->tensors()) {
    if (tensor.n_dims == 2) ++counts[std::string(gguf::type_traits(tensor.type)->name)];
  }
  return counts;
}

using Counts = std::map<std::string, int>;

TEST(Mixture, WholeFiles) {
  EXPECT_EQ(count("288x6:6:6:768:512:Q4_K_M"),
            (Counts{{"Q4_K", 4}, {"Q5_0", 35}, {"Q6_K", 2}, {"Q8_0", 3}}));
  EXPECT_EQ(count("288x6:6:6:768:512:Q4_K_M:tied"),
            (Counts{{"Q4_K", 4}, {"Q5_0", 34}, {"Q6_K", 2}, {"Q8_0", 3}}));
  EXPECT_EQ(count("256x22:4:1:512:300:Q4_K_M"), (Counts{{"Q4_K", 135}, {"Q6_K", 21}}));
  EXPECT_EQ(count("256x17:8:2:512:300:Q3_K_M"),
            (Counts{{"Q3_K", 69}, {"Q4_K", 48}, {"Q5_K", 3}, {"Q6_K", 1}}));
}

TEST(Mixture, AShapeThatTakesATypeWithoutAPlaceIsRefused) {
  for (const char* shape : {"288x6:6:6:768:512:Q3_K_M", "256x6:4:4:288:512:Q3_K_S"}) {
    const auto parsed = parse_shape(shape);
    ASSERT_FALSE(parsed.ok()) << shape;
    EXPECT_NE(parsed.error().message.find("288 take the type IQ4_NL"), std::string::npos);
  }
  EXPECT_TRUE(parse_shape("256x6:4:4:288:512:Q3_K_M").ok()) << "its down matrices are Q4_K";
}

}  // namespace
}  // namespace prumo
