// What holds for every matrix product, of any weight type, on any input. A law answers with "" or
// with one line that says what broke; tests, properties and fuzz targets ask the same laws.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/threads.h"
#include "kernels/pack.h"
#include "support/quant_oracle.h"
#include "support/ready_test.h"
#include "support/stage.h"
#include "support/tables.h"

namespace prumo::testing {

/// One product: a matrix as the file has it, tokens, and which part of it is asked for.
struct Product {
  gguf::TensorType type{};
  std::size_t rows = 0, columns = 0, tokens = 0;
  std::size_t panel_begin = 0, panel_end = 0;
  std::size_t y_stride = 0;
  Side side = Side::kRight;       ///< where the arguments touch a guard page
  std::size_t x_shift = 0;        ///< floats between x and the 64-byte line before it (kLeft)
  std::size_t shares = 1;         ///< parts that the panels are dealt in, as to threads
  bool on_threads = false;        ///< a member of a team for each part; else one after another
  std::vector<std::byte> file{};  ///< [rows][columns]
  std::vector<float> x{};         ///< [tokens][columns], for float types
  std::vector<QuantizedBlock> blocks{};  ///< [tokens][columns / 32], for quantized types

  [[nodiscard]] std::string name() const {
    return std::string(block_format(type).name) + " " + std::to_string(rows) + "x" +
           std::to_string(columns) + ", tokens " + std::to_string(tokens) + ", panels [" +
           std::to_string(panel_begin) + ", " + std::to_string(panel_end) + "), stride " +
           std::to_string(y_stride) + (side == Side::kLeft ? ", left" : ", right") + ", x shift " +
           std::to_string(x_shift) + (shares > 1 ? ", shares " + std::to_string(shares) : "") +
           (on_threads ? " on threads" : "");
  }
  [[nodiscard]] std::size_t panels() const { return (rows + kPanelRows - 1) / kPanelRows; }
};

inline std::string source(const Product& p) {
  return "{.type = " + source(p.type) + ", .rows = " + source(p.rows) +
         ", .columns = " + source(p.columns) + ", .tokens = " + source(p.tokens) +
         ",\n      .panel_begin = " + source(p.panel_begin) +
         ", .panel_end = " + source(p.panel_end) + ", .y_stride = " + source(p.y_stride) +
         ", .side = " + source(p.side) + ", .x_shift = " + source(p.x_shift) +
         ", .shares = " + source(p.shares) +
         ", .on_threads = " + (p.on_threads ? "true" : "false") +
         ",\n      .file = " + source(p.file) + ",\n      .x = " + source(p.x) +
         ",\n      .blocks = " + source(p.blocks) + "}";
}

/// A whole product of random numbers.
inline Product make_product(gguf::TensorType type, std::size_t rows, std::size_t columns,
                            std::size_t tokens, Values weights, Values activations, Bits& bits) {
  Product p{.type = type, .rows = rows, .columns = columns, .tokens = tokens};
  p.panel_end = p.panels();
  p.y_stride = p.panel_end * kPanelRows;
  p.file = make_matrix(type, rows, columns, weights, bits);
  if (is_quantized(type)) {
    for (std::size_t t = 0; t < tokens; ++t) {
      const auto row = make_activations(columns / kBlock, activations, bits);
      p.blocks.insert(p.blocks.end(), row.begin(), row.end());
    }
  } else {
    for (std::size_t t = 0; t < tokens; ++t) {
      const auto row = make_floats(columns, activations, bits);
      p.x.insert(p.x.end(), row.begin(), row.end());
    }
  }
  return p;
}

/// The product of tokens [begin, end) of p.
inline Product some_tokens(const Product& p, std::size_t begin, std::size_t end) {
  const auto cut = [&](const auto& all, std::size_t row) {
    const auto at = [&](std::size_t t) {
      return all.begin() + static_cast<std::ptrdiff_t>(t * row);
    };
    return all.empty() ? all : std::decay_t<decltype(all)>(at(begin), at(end));
  };
  Product out = p;
  out.tokens = end - begin;
  out.x = cut(p.x, p.columns);
  out.blocks = cut(p.blocks, p.columns / kBlock);
  return out;
}

/// What one table answered: y, and "" or what it wrote that it should not have.
struct Answer {
  std::vector<float> y;  ///< [tokens][16 * panel_end] laid out with y_stride
  std::string fault;
};

/// Whether y[i] is in a range that the product promises to write.
inline bool is_promised(const Product& p, std::size_t i) {
  const std::size_t column = i % p.y_stride;
  return column >= p.panel_begin * kPanelRows && column < p.panel_end * kPanelRows;
}

/// Packs the matrix beside a guard page. The panels last until the next product is packed.
inline const std::byte* packed(const Product& p) {
  static Stage stage;
  std::byte* panels = stage.room<std::byte>(packed_bytes(p.type, p.rows, p.columns), p.side);
  pack_panels(p.type, p.file.data(), p.rows, p.columns, 0, p.panels(), panels);
  return panels;
}

/// One team of each size, for the whole process.
inline ThreadTeam& team_of(std::size_t size) {
  static std::map<std::size_t, std::unique_ptr<ThreadTeam>> teams;
  std::unique_ptr<ThreadTeam>& team = teams[size];
  if (team == nullptr) {
    auto made = ThreadTeam::create(size);
    if (!made.ok()) std::abort();
    team = std::move(*made);
  }
  return *team;
}

/// The kernel, once for each share of the panels, the last share first where there are no threads.
inline void multiply_in_shares(const Kernels& table, const Product& p, const MatmulArgs& args) {
  const auto part = [&](std::size_t index) {
    const Share share = share_of(p.panel_end - p.panel_begin, index, p.shares);
    MatmulArgs mine = args;
    mine.panel_begin = p.panel_begin + share.begin;
    mine.panel_end = p.panel_begin + share.end;
    table.matmul(p.type)(mine);
  };
  if (p.on_threads) {
    ThreadTeam& team = team_of(p.shares);
    return team.run([&](std::size_t index) {
      team.barrier();  // parts are short: all begin at once, or they would hardly meet
      part(index);
    });
  }
  for (std::size_t left = p.shares; left > 0; --left) part(left - 1);
}

/// Lays x and y beside guard pages, calls the table's kernel, and looks at the canaries.
inline Answer multiply(const Kernels& table, const Product& p, const std::byte* panels) {
  static Stage x_stage;
  static Output y_stage;
  MatmulArgs args{};
  args.panels = panels;
  args.panel_begin = p.panel_begin;
  args.panel_end = p.panel_end;
  args.columns = p.columns;
  args.tokens = p.tokens;
  if (is_quantized(p.type)) {
    args.x = x_stage.put(p.blocks.data(), p.blocks.size(), p.side);
  } else {
    float* x = x_stage.room<float>(p.x.size() + p.x_shift, p.side) + p.x_shift;
    std::copy(p.x.begin(), p.x.end(), x);
    args.x = x;
  }
  const std::size_t n = p.tokens == 0 ? 0 : (p.tokens - 1) * p.y_stride + p.panel_end * kPanelRows;
  args.y = y_stage.room<float>(n, p.side);
  args.y_stride = p.y_stride;

  multiply_in_shares(table, p, args);

  Answer out{{args.y, args.y + n}, ""};
  if (!y_stage.intact()) out.fault = "it wrote beside y";
  for (std::size_t i = 0; i < n && out.fault.empty(); ++i) {
    if (!is_promised(p, i) && !is_canary(out.y[i])) {
      out.fault = "it wrote y[" + std::to_string(i) + "], which is not in the panels' columns";
    }
  }
  return out;
}

inline Answer multiply(const Kernels& table, const Product& p) {
  return multiply(table, p, packed(p));
}

/// The product by the oracle, from the file's bytes; canaries where nothing is promised.
inline std::vector<float> expected_product(const Product& p) {
  const BlockFormat format = block_format(p.type);
  const std::size_t row_size = p.columns / format.elements * format.bytes;
  const std::vector<std::byte> zero_row(row_size);
  const std::size_t n = p.tokens == 0 ? 0 : (p.tokens - 1) * p.y_stride + p.panel_end * kPanelRows;
  std::vector<float> y(n, std::bit_cast<float>(Output::kCanary));
  std::vector<float> x = p.x;
  if (p.type == gguf::TensorType::kBF16) {
    for (float& v : x) v = round_to_bits(v, 8);
  }
  for (std::size_t r = p.panel_begin * kPanelRows; r < p.panel_end * kPanelRows; ++r) {
    const std::byte* bytes = r < p.rows ? p.file.data() + r * row_size : zero_row.data();
    const DecodedRow row = decode_row(p.type, bytes, p.columns);
    for (std::size_t t = 0; t < p.tokens; ++t) {
      float& out = y[t * p.y_stride + r];
      if (is_quantized(p.type)) {
        out = dot_in_blocks(row, p.blocks.data() + t * (p.columns / kBlock));
      } else if (p.type == gguf::TensorType::kBF16) {
        out = dot_in_pairs(row.weights, x.data() + t * p.columns);
      } else {
        out = dot_in_order(row.weights, x.data() + t * p.columns);
      }
    }
  }
  return y;
}

/// Every table gives the oracle's bits and writes nothing else.
inline std::string product_fault(const Product& p) {
  const std::vector<float> expected = expected_product(p);
  const std::byte* panels = packed(p);
  for (const Kernels* table : tables()) {
    const Answer answer = multiply(*table, p, panels);
    std::string fault = answer.fault;
    if (fault.empty()) fault = difference(answer.y.data(), expected.data(), expected.size());
    if (!fault.empty()) return std::string(table->name) + ": " + p.name() + ": " + fault;
  }
  return "";
}
/// Rows [begin, end) of p, all panels of them.
inline Product some_rows(const Product& p, std::size_t begin, std::size_t end) {
  Product out = p;
  const std::size_t row_size = p.file.size() / p.rows;
  out.rows = end - begin;
  out.panel_begin = 0;
  out.panel_end = out.panels();
  out.y_stride = out.panel_end * kPanelRows;
  out.file.assign(p.file.begin() + static_cast<std::ptrdiff_t>(begin * row_size),
                  p.file.begin() + static_cast<std::ptrdiff_t>(end * row_size));
  return out;
}

/// Half the tokens or half the rows of a product that fails, again and again, as long as they fail
/// too.
inline Product reduced(const Product& p) {
  const auto halves = [](const Product& whole, std::size_t n, auto cut) {
    std::vector<Product> out;
    if (n >= 2) out = {cut(whole, std::size_t{0}, n / 2), cut(whole, n / 2, n)};
    return out;
  };
  for (const auto& parts : {halves(p, p.tokens, some_tokens), halves(p, p.rows, some_rows)}) {
    for (const Product& part : parts) {
      if (!product_fault(part).empty()) return reduced(part);
    }
  }
  return p;
}

/// The same, with a test to paste.
inline std::string product_law(const Product& p) {
  const std::string fault = product_fault(p);
  return fault.empty() ? fault : ready_test(fault, "product_law(" + source(reduced(p)) + ")");
}

/// A batch of n tokens gives what n calls of one token give.
inline std::string batch_fault(const Product& p) {
  const std::byte* panels = packed(p);
  for (const Kernels* table : tables()) {
    const Answer whole = multiply(*table, p, panels);
    for (std::size_t t = 0; t < p.tokens; ++t) {
      const Answer one = multiply(*table, some_tokens(p, t, t + 1), panels);
      const std::string fault =
          difference(one.y.data(), whole.y.data() + t * p.y_stride, one.y.size());
      if (!fault.empty()) {
        return std::string(table->name) + ": " + p.name() + ": token " + std::to_string(t) +
               " alone: " + fault;
      }
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string batch_law(const Product& p) {
  const std::string fault = batch_fault(p);
  return fault.empty() ? fault : ready_test(fault, "batch_law(" + source(p) + ")");
}

/// Cutting the panels in two at `cut` changes nothing.
inline std::string split_fault(const Product& p, std::size_t cut) {
  const std::byte* panels = packed(p);
  for (const Kernels* table : tables()) {
    std::vector<float> joined = multiply(*table, p, panels).y;
    const std::vector<float> whole = joined;
    for (std::size_t part = 0; part < 2; ++part) {
      Product q = p;
      (part == 0 ? q.panel_end : q.panel_begin) = cut;
      const Answer answer = multiply(*table, q, panels);
      if (!answer.fault.empty()) return std::string(table->name) + ": " + q.name() + answer.fault;
      for (std::size_t i = 0; i < answer.y.size(); ++i) {
        if (is_promised(q, i)) joined[i] = answer.y[i];
      }
    }
    const std::string fault = difference(joined.data(), whole.data(), whole.size());
    if (!fault.empty()) {
      return std::string(table->name) + ": " + p.name() + ": cut at panel " + std::to_string(cut) +
             ": " + fault;
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string split_law(const Product& p, std::size_t cut) {
  const std::string fault = split_fault(p, cut);
  return fault.empty() ? fault
                       : ready_test(fault, "split_law(" + source(p) + ", " + source(cut) + ")");
}

}  // namespace prumo::testing
