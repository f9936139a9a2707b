// Laws of the tokens that are found whole, for vocabularies in which they get in each other's way.
#include "tokenizer/user_defined.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "support/gen.h"
#include "support/spm_law.h"

namespace prumo {
namespace {

using testing::crossing_text;
using testing::crossing_vocab;
using testing::full_range;
using testing::obeys;
using testing::PlainVocab;
using testing::user_defined_law;
using testing::vector_of;
using Bytes = std::vector<std::uint8_t>;

/// Any bytes, at most n.
rc::Gen<Bytes> bytes(std::size_t n) {
  return rc::gen::mapcat(full_range(rc::gen::inRange<std::size_t>(0, n + 1)), [](std::size_t size) {
    return vector_of(size, full_range(rc::gen::arbitrary<std::uint8_t>()));
  });
}

RC_GTEST_PROP(UserDefinedLaw, TheTextIsCutAsTheDefinitionDoes, ()) {
  const Bytes vocab = *bytes(120);
  for (int i = 0; i < 4; ++i) {
    const std::string text = crossing_text(crossing_vocab(vocab), *bytes(60));
    obeys(user_defined_law({vocab.begin(), vocab.end()}, text));
  }
}

RC_GTEST_PROP(UserDefinedLaw, ThePartsAreTheText, ()) {
  const PlainVocab plain = crossing_vocab(*bytes(120));
  const std::string text = crossing_text(plain, *bytes(60));
  const auto file_bytes = plain.builder().build();
  const auto file = gguf::File::parse(file_bytes);
  RC_ASSERT(file.ok());
  const auto vocab = Vocab::from(*file);
  RC_ASSERT(vocab.ok());
  std::size_t end = 0;
  bool between = false;
  for (const UserDefined::Part& part : UserDefined(*vocab).split(*vocab, text)) {
    RC_ASSERT(part.begin == end);
    RC_ASSERT(part.end > part.begin);
    end = part.end;
    const std::string_view inside = std::string_view(text).substr(part.begin, end - part.begin);
    if (part.token != kNoToken) RC_ASSERT(inside == vocab->text(part.token));
    RC_ASSERT(!(between && part.token == kNoToken));
    between = part.token == kNoToken;
  }
  RC_ASSERT(end == text.size());
}

}  // namespace
}  // namespace prumo
