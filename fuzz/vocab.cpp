// Metadata to a vocabulary. The first byte chooses: 0, the rest is a GGUF file as it stands, judged
// by the rules of support/model_oracle.h; else the rest writes the keys of one, right or wrong, and
// the rules are written down here. The verdict, with the key it names, must be theirs. Whatever
// loads can be used: ids stay inside, every id has a text.
#include "tokenizer/vocab.h"

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "support/check.h"
#include "support/gguf_engine.h"
#include "support/model_oracle.h"
#include "support/spm_vocab.h"

namespace prumo::fuzz {
namespace {

using testing::GgufBuilder;

/// Uses a tokenizer in every way; ids of every kind.
void use(const Tokenizer& tokenizer) {
  const auto n = static_cast<TokenId>(tokenizer.size());
  CHECK(n >= 1, "tokens");
  for (const TokenId id : {tokenizer.bos(), tokenizer.eos(), tokenizer.unk()}) {
    CHECK(id >= -1 && id < n, "special id " + std::to_string(id));
  }
  CHECK(!tokenizer.adds_bos() || tokenizer.bos() >= 0, "a bos to add");
  CHECK(tokenizer.eos() < 0 || tokenizer.is_end(tokenizer.eos()), "eos ends");
  std::string all;
  for (TokenId id = -2; id < n + 2; ++id) {
    const std::string text = tokenizer.decode(std::array{id});
    const bool inside = id >= 0 && id < n;
    CHECK(inside || (text.empty() && tokenizer.piece(id).empty() && !tokenizer.is_end(id)),
          "outside " + std::to_string(id));
    all += tokenizer.piece(id);
    all += text;
  }
  const std::array far = {std::numeric_limits<TokenId>::min(), std::numeric_limits<TokenId>::max()};
  CHECK(tokenizer.decode(far).empty(), "far outside");
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (const TokenId id : tokenizer.encode(all, true)) {
    CHECK(id >= 0 && id < n, "encoded id " + std::to_string(id));
  }
}

void try_file(const std::uint8_t* data, std::size_t size) {
  const auto copy = fuzz::exact_copy<std::byte>(data, size);
  const std::span<const std::byte> bytes(copy.get(), size);
  auto file = gguf::File::parse(bytes);
  if (!file) return;  // the reader's own target judges this
  const testing::GgufOracle parsed(bytes);
  const auto rules = testing::ModelOracle::of_vocabulary(parsed, bytes);
  const auto tokenizer = Tokenizer::from(*file);
  CHECK(tokenizer.ok() == rules.good(), "broken:" + rules.list());
  if (tokenizer) {
    CHECK(tokenizer->size() == rules.vocab, "V");
    use(*tokenizer);
    return;
  }
  const Error& error = tokenizer.error();
  CHECK(error.place == rules.first(), error.place + " is not the first of" + rules.list());
  const gguf::Value* model = file->find("tokenizer.ggml.model");
  const bool another = error.place == "tokenizer.ggml.model" && model != nullptr &&
                       model->type() == gguf::ValueType::kString;
  CHECK(error.code == (another ? ErrorCode::kUnsupported : ErrorCode::kBadModel), error.message);
  CHECK(!error.message.empty(), "a sentence");
}

/// Writes the keys of a tokenizer from the input, and knows the first rule they break.
class Wishes {
 public:
  Wishes(const std::uint8_t* data, std::size_t size) : in_(data, size) {}

  void check() {
    model();
    tokens();
    types();
    specials();
    scores();
    if (add("add_space_prefix", in_.take<std::uint8_t>()) == Kind::kWrong) {
      space_broken_ = "add_space_prefix";
    }
    const auto tokenizer = testing::tokenizer_of(file_);
    // The vocabulary comes first, then what is SPM's own.
    std::string broken = broken_;
    if (broken.empty()) broken = scores_broken_;
    if (broken.empty()) broken = space_broken_;
    CHECK(tokenizer.ok() == broken.empty(), broken + " is broken");
    if (tokenizer) {
      CHECK(tokenizer->size() == n_, "V");
      use(*tokenizer);
      return;
    }
    CHECK(tokenizer.error().place == "tokenizer.ggml." + broken, tokenizer.error().place);
    CHECK(tokenizer.error().code == code_, tokenizer.error().message);
  }

 private:
  enum class Kind { kAbsent, kRight, kWrong };

  void breaks(const std::string& key, ErrorCode code = ErrorCode::kBadModel) {
    if (!broken_.empty()) return;
    broken_ = key;
    code_ = code;
  }

  void model() {
    const unsigned kind = in_.take<std::uint8_t>();
    if (kind == 1) breaks("model");
    if (kind == 2) breaks("model", ErrorCode::kUnsupported);
    if (kind == 2) file_.add("tokenizer.ggml.model", std::string_view("gpt2"));
    if (kind == 3) breaks("model");
    if (kind == 3) file_.add("tokenizer.ggml.model", 7u);
    if (kind == 0 || kind > 3) file_.add("tokenizer.ggml.model", std::string_view("llama"));
  }

  void tokens() {
    const unsigned kind = in_.take<std::uint8_t>();
    n_ = in_.in_range(0, 40);
    for (std::size_t i = 0; i < n_; ++i) {
      const auto how = in_.take<std::uint8_t>();
      if (how < 64) {
        texts_.push_back(testing::byte_token(in_.take<std::uint8_t>()));
      } else if (how < 72) {
        // Close to a byte: one character of it is something else.
        std::string text = "<0x4F>";
        text[how % 6] = static_cast<char>(in_.take<std::uint8_t>());
        texts_.push_back(text);
      } else if (how < 80) {
        constexpr std::array<const char*, 8> kTexts = {"<|eot_id|>", "<|end|>", "<s>",    "</s>",
                                                       "<unk>",      "<EOT>",   "<0x-1>", ""};
        texts_.push_back(kTexts[how % 8]);
      } else {
        texts_.push_back(testing::atoms({in_.data(), std::min<std::size_t>(how % 4, in_.size())}));
        in_.skip(std::min<std::size_t>(how % 4, in_.size()));
      }
    }
    if (kind == 1 || kind == 2 || n_ == 0) breaks("tokens");
    if (kind == 1) return;
    if (kind == 2) file_.add_array("tokenizer.ggml.tokens", std::vector<std::uint32_t>(n_));
    if (kind != 2) file_.add_array("tokenizer.ggml.tokens", texts_);
  }

  static bool is_byte(const std::string& text) {
    const auto hex = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    return text.size() == 6 && text.substr(0, 3) == "<0x" && hex(text[3]) && hex(text[4]) &&
           text[5] == '>';
  }

  void types() {
    const unsigned kind = in_.take<std::uint8_t>();
    types_.assign(n_, 1);
    for (std::size_t i = 0; i < n_; ++i) {
      const auto how = in_.take<std::uint8_t>();
      types_[i] = is_byte(texts_[i]) && how < 200 ? 6 : how < 250 ? how % 6 : how - 249;
      if (how == 255) types_[i] = -1;
    }
    if (kind == 1) {
      for (std::size_t i = 0; i < n_; ++i) types_[i] = is_byte(texts_[i]) ? 6 : 1;
      return;
    }
    const std::string key = "tokenizer.ggml.token_type";
    if (kind == 2) {
      file_.add_array(key, std::vector<float>(n_));
      breaks("token_type");
    } else if (kind == 3) {
      file_.add_array(key, std::vector<std::int32_t>(n_ + 1, 1));
      breaks("token_type");
    } else {
      file_.add_array(key, types_);
      for (std::size_t i = 0; i < n_ && broken_.empty(); ++i) {
        if (types_[i] < 0 || types_[i] > 6) breaks("token_type");
        if (types_[i] == 6 && !is_byte(texts_[i])) breaks("tokens");
      }
    }
  }

  void specials() {
    for (const char* key :
         {"bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id", "eom_token_id"}) {
      const unsigned kind = in_.take<std::uint8_t>();
      const auto id = in_.take<std::uint32_t>();
      const std::string whole = "tokenizer.ggml." + std::string(key);
      if (kind < 64) continue;
      const std::uint64_t near = kind < 240 ? id % (n_ + 2) : id;
      if (kind % 4 == 0) {
        file_.add(whole, static_cast<std::uint32_t>(near));
      } else if (kind % 4 == 1) {
        file_.add(whole, near << (kind == 241 ? 32 : 0));
      } else if (kind % 4 == 2) {
        file_.add(whole, static_cast<std::int64_t>(near));
      } else {
        file_.add(whole, static_cast<float>(near));
        breaks(key);
      }
      const std::uint64_t said = kind == 241 ? near << 32 : near;
      if (said >= n_ || types_[said] == 6) breaks(key);
    }
    if (add("add_bos_token", in_.take<std::uint8_t>()) == Kind::kWrong) breaks("add_bos_token");
  }

  void scores() {
    const unsigned kind = in_.take<std::uint8_t>();
    std::vector<float> scores(n_);
    bool nan = false;
    for (float& score : scores) {
      const auto how = in_.take<std::uint8_t>();
      score = how < 250 ? static_cast<float>(how / 32) : in_.take<float>();
      nan = nan || std::isnan(score);
    }
    const std::string key = "tokenizer.ggml.scores";
    if (kind == 2) file_.add_array(key, std::vector<std::int32_t>(n_));
    if (kind == 3) file_.add_array(key, std::vector<float>(n_ + 1));
    if (kind == 0 || kind > 3) file_.add_array(key, scores);
    if ((kind >= 1 && kind <= 3) || nan) scores_broken_ = "scores";
  }

  /// A boolean key: absent, either value, or a number.
  Kind add(const std::string& key, unsigned kind) {
    const std::string whole = "tokenizer.ggml." + key;
    if (kind < 64) return Kind::kAbsent;
    if (kind > 240) {
      file_.add(whole, kind);
      return Kind::kWrong;
    }
    file_.add(whole, kind % 2 == 0);
    return Kind::kRight;
  }

  fuzz::Input in_;
  GgufBuilder file_;
  std::size_t n_ = 0;
  std::vector<std::string> texts_;
  std::vector<std::int32_t> types_;
  std::string broken_, scores_broken_, space_broken_;
  ErrorCode code_ = ErrorCode::kBadModel;
};

}  // namespace
}  // namespace prumo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  using namespace prumo::fuzz;
  fuzz::Input input(data, size);
  if (input.take<std::uint8_t>() == 0) {
    try_file(input.data(), input.size());
  } else {
    Wishes(input.data(), input.size()).check();
  }
  return 0;
}

// Behind a first byte of 0 is a file, which changes as files do.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  if (size == 0 || data[0] != 0) return prumo::fuzz::bytes_mutator()(data, size, max_size);
  return 1 + prumo::fuzz::mutate_gguf(data + 1, size - 1, max_size - 1, seed);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* a, std::size_t a_size,
                                                 const std::uint8_t* b, std::size_t b_size,
                                                 std::uint8_t* out, std::size_t max_size,
                                                 unsigned int seed) {
  using prumo::fuzz::as_bytes;
  if (a_size == 0 || b_size == 0 || a[0] != 0 || b[0] != 0) return 0;  // the engine tries another
  out[0] = 0;
  return 1 + prumo::fuzz::cross_gguf(as_bytes(a + 1, a_size - 1), as_bytes(b + 1, b_size - 1),
                                     out + 1, max_size - 1, seed);
}
