// The tables of src/kernels/README.md are true: figures of exact arithmetic are the same on every
// machine, so they are compared as text. And the converter behind them does what it says.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "support/accuracy_table.h"

namespace prumo::testing {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(std::string(PRUMO_SOURCE_DIR) + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The rows of a table between its markers, without its two lines of heading.
std::vector<std::string> rows_of(const std::string& table) {
  const std::string text = contents("src/kernels/README.md");
  const auto begin = text.find("<!-- accuracy " + table + " -->\n");
  const auto end = text.find("<!-- end -->", begin);
  EXPECT_NE(begin, text.npos) << table;
  EXPECT_NE(end, text.npos) << table;
  std::vector<std::string> rows;
  if (begin == text.npos || end == text.npos) return rows;
  std::istringstream lines(text.substr(begin, end - begin));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("|")) rows.push_back(line);
  }
  EXPECT_GE(rows.size(), 3u) << table;
  rows.erase(rows.begin(),
             rows.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, rows.size())));
  return rows;
}

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream in(row.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    const auto first = cell.find_first_not_of(' ');
    cells.push_back(
        first == cell.npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
  }
  return cells;
}

TEST(AccuracyTables, KernelsAreAsFarFromTheTruthAsItSays) {
  std::vector<std::string> expected;
  for (const Measured& kernel : measured_kernels()) expected.push_back(kernel_row(kernel));
  EXPECT_EQ(rows_of("kernels"), expected) << "run scripts/accuracy";
}

TEST(AccuracyTables, EveryKernelOfFloatsIsMeasured) {
  // What these do is exact, and their tests say so with ==.
  const std::vector<std::string> exact = {"argmax", "tile_max", "collect"};
  for_each_kernel([&](std::string_view name, auto) {
    if (std::find(exact.begin(), exact.end(), name) != exact.end()) return;
    bool there = false;
    for (const Measured& kernel : measured_kernels()) there = there || kernel.kernel == name;
    EXPECT_TRUE(there) << name << " is not in measured_kernels()";
  });
}

TEST(AccuracyTables, TheFirstTokensToTheLastDigit) {
  EXPECT_EQ(rows_of("head"), head_rows(contents("tests/data/heldout.txt")))
      << "run scripts/accuracy";
}

TEST(AccuracyTables, TheFirstTokensOfEveryCacheToTheLastDigit) {
  EXPECT_EQ(rows_of("cache head"), cache_head_rows(contents("tests/data/heldout.txt")))
      << "run scripts/accuracy";
}

TEST(AccuracyTables, CachesCanBeReadAndLoseWhatTheirBitsDo) {
  std::map<std::string, double> divergence;
  for (const std::string& row : rows_of("caches")) {
    const auto cells = cells_of(row);
    ASSERT_EQ(cells.size(), 10u) << row;
    EXPECT_NEAR(std::log(std::stod(cells[5])), std::stod(cells[4]), 1e-4) << row;
    divergence[cells[0] + " " + cells[1] + " " + cells[2]] = std::stod(cells[6]);
  }
  EXPECT_EQ(divergence.size(), 9u) << "run scripts/accuracy";
  for (const std::string which : {"Q8_0 512 ", "F32 512 ", "F32 2048 "}) {
    ASSERT_TRUE(divergence.contains(which + "F16")) << which;
    EXPECT_EQ(divergence[which + "F16"], 0) << which;
    EXPECT_GT(divergence[which + "F32"], 0) << which;
    EXPECT_LT(divergence[which + "F32"], divergence[which + "Q8_0"]) << which;
  }
}

TEST(AccuracyTables, TypesCanBeReadAndAreInOrderOfTheirPrecision) {
  std::map<std::string, double> divergence;
  for (const std::string& row : rows_of("types")) {
    const auto cells = cells_of(row);
    ASSERT_EQ(cells.size(), 10u) << row;
    const double nats = std::stod(cells[3]);
    EXPECT_NEAR(std::log(std::stod(cells[4])), nats, 1e-4) << row;
    divergence[cells[0]] = std::stod(cells[6]);
  }
  for (const gguf::TensorType type : kTensorTypes) {
    EXPECT_TRUE(divergence.contains(block_format(type).name)) << "run scripts/accuracy";
  }
  EXPECT_EQ(divergence.size(), kTensorTypes.size());
  EXPECT_EQ(divergence["F32"], 0);
  EXPECT_LT(divergence["F16"], divergence["Q8_0"]);
  EXPECT_LT(divergence["Q8_0"], divergence["Q4_0"]);
  EXPECT_LT(divergence["Q6_K"], divergence["Q5_K"]);
  EXPECT_LT(divergence["Q5_K"], divergence["Q4_K"]);
  EXPECT_LT(divergence["Q4_K"], divergence["Q3_K"]);
  EXPECT_LT(divergence["Q3_K"], divergence["Q2_K"]);
  EXPECT_LT(divergence["Q5_0"], divergence["Q4_0"]);
  EXPECT_LT(divergence["Q5_1"], divergence["Q4_1"]);
}

// An element is off by half a step at most, a step being its sub-block's scale; the extreme of a
// block without a minimum is on the side that has one more, and the other side's may be off by a
// whole one. Where scales and minima are rounded to few bits, each of those adds half of its own
// step: `most` quants of half a unit of scale, and half a unit of minimum.
TEST(Requantize, ErrorsAreWithinAStep) {
  Bits bits(1);
  for (const gguf::TensorType type : kTensorTypes) {
    const BlockFormat format = block_format(type);
    const std::size_t n = 512;
    const Row x = make_floats(n, Values::kOrdinary, bits);
    std::vector<std::byte> row(n / format.elements * format.bytes);
    encode(type, x, row.data());
    for (std::size_t k = 0; k < n; ++k) {
      const double y = weight_value(type, row.data(), k);
      double step = 0;
      if (is_quantized(type)) {
        const Column c = column_of(type, row.data(), k);
        step = std::fabs(c.scale * c.factor);
        if (format.elements == 256 && type != gguf::TensorType::kQ6_K) {
          const double quants = format.most / (format.min_at != 0 ? format.most_min : 32);
          step += std::fabs(c.scale) * quants / 2 + std::fabs(c.min_scale) / 2;
        }
        if (format.min_at != 0) step += 0x1p-11 * std::fabs(c.minimum);
      }
      const double float_step = type == gguf::TensorType::kBF16  ? 0x1p-8
                                : type == gguf::TensorType::kF16 ? 0x1p-11
                                                                 : 0;
      const double most = type == gguf::TensorType::kQ8_0 ? 0.5 + 127 * 0x1p-11 : 1.1;
      ASSERT_LE(std::fabs(y - wide(x[k])),
                step * most + float_step * std::fabs(wide(x[k])) + 0x1p-25)
          << format.name << " " << k;
    }
  }
}

TEST(Requantize, WhatATypeHoldsComesBack) {
  const auto file = gguf::File::parse(builtin_model());
  const Numerical model(*file);
  for (const gguf::TensorType type : {gguf::TensorType::kF32, gguf::TensorType::kQ8_0}) {
    const auto bytes = *model.written(type);
    const auto again = gguf::File::parse(bytes);
    ASSERT_TRUE(again.ok());
    const Numerical numbers(*again);
    ASSERT_EQ(numbers.tensors().size(), model.tensors().size());
    for (std::size_t i = 0; i < numbers.tensors().size(); ++i) {
      const auto& a = numbers.tensors()[i];
      const auto& b = model.tensors()[i];
      EXPECT_EQ(a.name, b.name);
      if (type == gguf::TensorType::kF32) {
        EXPECT_EQ(a.values, b.values) << a.name;
      }
      double largest = 0;
      for (std::size_t k = 0; k < a.values.size(); ++k) {
        largest = std::max(largest, std::fabs(wide(a.values[k]) - wide(b.values[k])));
      }
      EXPECT_LE(largest, 1e-3) << a.name;
    }
  }
}

// Wider by zeros it is the same model: what is left is the rounding of other sums. Keys and values
// in F32, since in F16 such a rounding may be on an edge and grow.
TEST(Requantize, AWiderModelIsTheSameModel) {
  const auto file = gguf::File::parse(builtin_model());
  Numerical model(*file);
  const auto narrow = *model.written(gguf::TensorType::kF32);
  ASSERT_FALSE(model.fits(256));
  model.widen(256);
  ASSERT_TRUE(model.fits(256));
  const auto wider = *model.written(gguf::TensorType::kF32);
  auto a = Model::load(narrow, 1);
  auto b = Model::load(wider, 1);
  ASSERT_TRUE(a.ok() && b.ok());
  const auto ids = a->tokenize("In the beginning God created the heaven and the earth.", false);
  const AllLogits wide_logits = logits_before(*b, ids, CacheType::kF32);
  const Figures figures = figures_of(wide_logits, logits_before(*a, ids, CacheType::kF32), ids);
  EXPECT_GT(figures.divergence, 0) << "nothing was made wider";
  EXPECT_LE(figures.divergence, 1e-11);
}

}  // namespace
}  // namespace prumo::testing
