// Laws of the tokens that are found whole, for vocabularies in which they get in each other's way.
#include "tokenizer/user_defined.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "support/gen.h"
#include "support/spm_reference.h"
#include "support/spm_vocab.h"

namespace prumo {
namespace {

using testing::crossing_text;
using testing::crossing_vocab;
using testing::full_range;
using testing::PlainVocab;
using testing::SpmReference;
using testing::tokenizer_of;
using testing::vector_of;
using Bytes = std::vector<std::uint8_t>;

/// Any bytes, at most n.
rc::Gen<Bytes> bytes(std::size_t n) {
  return rc::gen::mapcat(full_range(rc::gen::inRange<std::size_t>(0, n + 1)), [](std::size_t size) {
    return vector_of(size, full_range(rc::gen::arbitrary<std::uint8_t>()));
  });
}

RC_GTEST_PROP(UserDefinedLaw, TheTextIsCutAsTheDefinitionDoes, ()) {
  const PlainVocab vocab = crossing_vocab(*bytes(120));
  const Tokenizer tokenizer = tokenizer_of(vocab);
  const SpmReference reference(vocab);
  for (int i = 0; i < 4; ++i) {
    const std::string text = crossing_text(vocab, *bytes(60));
    RC_ASSERT(tokenizer.encode(text, false) == reference.encode(text));
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
