// The loop: logits -> token -> text -> logits. Everything it needs is made before the first token.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "generate/sampler.h"
#include "generate/speculate.h"
#include "generate/stop.h"
#include "model/forward.h"
#include "prumo.h"
#include "tokenizer/stream.h"

namespace prumo {
namespace {

bool is_set(const std::atomic<bool>* flag) {
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

Status check_arguments(const Session& session, std::span<const TokenId> prompt,
                       const GenerateOptions& options) {
  if (prompt.empty() && session.position() == 0) {
    return Error{ErrorCode::kBadArgument, "prompt",
                 "The prompt has no tokens; give at least one to go on from."};
  }
  for (const std::string& stop : options.stop) {
    if (stop.empty()) {
      return Error{ErrorCode::kBadArgument, "--stop", "A stop text must not be empty."};
    }
  }
  return check(options.sampler);
}

// The text so far: whole characters appended, stop texts looked for, what is certain handed on.
class Text {
 public:
  Text(const Tokenizer& tokenizer, const GenerateOptions& options, std::string& text)
      : stream_(tokenizer, false), stops_(options.stop), on_text_(options.on_text), text_(text) {}

  /// True when a stop text has appeared; the text then ends before it.
  bool push(TokenId id) {
    stream_.push(id, text_);
    return settle();
  }
  bool finish() {
    stream_.finish(text_);
    const bool stopped = settle();
    show(text_.size());
    return stopped;
  }

 private:
  bool settle() {
    const std::size_t at = stops_.find(text_, seen_);
    seen_ = text_.size();
    if (at != std::string::npos) {
      text_.resize(at);
      show(at);
      return true;
    }
    show(stops_.certain(text_));
    return false;
  }
  void show(std::size_t end) {
    if (end > shown_ && on_text_) on_text_(std::string_view(text_).substr(shown_, end - shown_));
    shown_ = std::max(shown_, end);
  }

  TextStream stream_;
  StopTexts stops_;
  const std::function<void(std::string_view)>& on_text_;
  std::string& text_;
  std::size_t seen_ = 0;
  std::size_t shown_ = 0;
};

}  // namespace

std::string_view finish_name(Finish finish) {
  switch (finish) {
    case Finish::kEos:
      return "eos";
    case Finish::kStop:
      return "stop";
    case Finish::kLength:
      return "length";
    case Finish::kCancelled:
      return "cancelled";
  }
  return "";
}

Result<Generation> generate(Session& session, std::span<const TokenId> prompt,
                            const GenerateOptions& options) {
  const Status checked = check_arguments(session, prompt, options);
  if (!checked) return checked.error();
  const LoadedModel& model = *session.internals().loaded;

  Generation out;
  const std::uint64_t start = now_ns();
  const Status prefilled = session.prefill(prompt, options.cancel);
  out.prefill_ns = now_ns() - start;
  if (!prefilled && prefilled.error().code == ErrorCode::kCancelled) {
    out.finish = Finish::kCancelled;
    return out;
  }
  if (!prefilled) return prefilled.error();

  // The last token is chosen but not run, so it needs no room.
  const std::size_t room = session.context() - session.position() + 1;
  const std::size_t most = std::min(options.max_tokens, room);
  constexpr std::size_t kUsualBytes =
      8;  // of a token; more than that lets the text grow as it comes
  out.ids.reserve(most);
  out.text.reserve(most * kUsualBytes);
  Sampler sampler(*model.kernels, model.config.vocab, options.sampler);
  Text text(model.tokenizer, options, out.text);
  std::optional<Speculation> speculation;
  if (session.internals().scratch.logit_rows > 1) speculation.emplace(session, prompt, most);

  bool stopped = false;
  while (out.ids.size() < most) {
    if (is_set(options.cancel)) {
      out.finish = Finish::kCancelled;
      break;
    }
    if (options.on_logits) options.on_logits(session.logits());
    const std::uint64_t before = now_ns();
    const auto id =
        sampler.sample(session.logits().data(), session.internals().top, session.position());
    const std::uint64_t chosen = now_ns();
    out.sample_ns += chosen - before;
    if (!id) return id.error();
    out.ids.push_back(*id);
    if (!options.ignore_eos && model.tokenizer.is_end(*id)) {
      out.finish = Finish::kEos;
      break;
    }
    stopped = text.push(*id);
    if (stopped || out.ids.size() == most) break;
    const std::uint64_t ready = now_ns();
    const Status stepped =
        speculation ? speculation->advance(*id, most - out.ids.size()) : session.step(*id);
    out.decode_ns += now_ns() - ready;
    ++out.decode_steps;
    if (!stepped) return stepped.error();
  }
  if (speculation) {
    out.drafted = speculation->drafted();
    out.accepted = speculation->accepted();
  }
  if (!stopped) stopped = text.finish();
  if (stopped) out.finish = Finish::kStop;
  return out;
}

}  // namespace prumo
