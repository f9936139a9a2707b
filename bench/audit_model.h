// The audit's five faults measured on one model: each as audited and in Prumo, round after round in
// turn.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit_loop.h"
#include "audit_measure.h"
#include "cli/builtin.h"
#include "cli/synthetic.h"
#include "generate/sampler.h"
#include "model/forward.h"
#include "prumo.h"
#include "support/counting_new.h"

namespace prumo::bench {

inline constexpr SamplerOptions kSampled = {
    .temperature = 0.8f, .top_k = 40, .top_p = 0.9f, .min_p = 0, .seed = 1};

struct AuditModel {
  const char* name;
  const char* what;
  const char* shape;  // of a synthetic model; nullptr for the built-in one
  const char* prompt;
  std::size_t tokens;  // made by one generation
  bool quadratic;      // also time the audited engine's own kind of sort, once
};

struct Row {
  const char* key;
  const char* fault;
  Figure audited;               // ns a token
  std::optional<Figure> prumo;  // the same; nothing where Prumo does no such thing
};

struct ModelResult {
  AuditModel model{};
  std::size_t vocab = 0;
  std::size_t threads = 0;
  std::size_t prompt_tokens = 0;
  std::string isa;
  Figure token;  // ns: a forward pass and an argmax, nothing else
  std::vector<Row> rows;
  Figure outside_greedy;  // ns a token that generate() spends outside the forward pass
  Figure outside_sampled;
  Figure sampled_total;  // generate() sampled over generate() greedy, whole
  Figure argmax_speedup;
  Figure cold;               // first pass after loading over those that follow
  Figure warm;               // first timed pass after the warm-up over those that follow
  double allocations = 0;    // a token of generate()
  double quadratic_ns = 0;   // 0 when not timed
  std::string disagreement;  // between the two renderings; empty when they agree

  [[nodiscard]] const Row& row(const std::string& key) const {
    return *std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.key == key; });
  }
};

class AuditRun {
 public:
  AuditRun(const AuditModel& spec, bool quick) : quick_(quick) { out_.model = spec; }

  /// Everything about the model. An error is one of loading.
  Result<ModelResult> measure() {
    if (out_.model.shape == nullptr) {
      image_ = builtin_model();
    } else {
      const auto shape = parse_shape(out_.model.shape);
      if (!shape) return shape.error();
      auto made = synthetic_model(*shape);
      if (!made) return made.error();
      owned_ = std::move(*made);
      image_ = owned_;
    }
    auto model = Model::load(image_);
    if (!model) return model.error();
    auto session = Session::create(*model, {.context = kContext});
    if (!session) return session.error();
    model_ = &*model;
    session_ = &*session;
    prompt_ = model->tokenize(out_.model.prompt);
    out_.vocab = model->vocab_size();
    out_.threads = session->threads();
    out_.isa = model->isa();
    out_.prompt_tokens = prompt_.size();

    AuditedArena arena(out_.vocab);
    compare(arena);
    count_allocations();
    time_generations(arena);
    time_pieces(arena);
    time_first_passes();
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kContext = 256;

  // ---- Prumo's two ways to make tokens

  // The incremental loop with nothing in it but what the audit leaves: argmax and step.
  Made bare(std::size_t n) {
    const auto argmax = model_->internals().kernels->argmax;
    Made made;
    made.ids.reserve(n);
    session_->rewind(prompt_.size() - 1);
    const double start = now_ns();
    TokenId id = prompt_.back();
    for (std::size_t i = 0; i < n; ++i) {
      if (!session_->step(id)) return made;
      id = static_cast<TokenId>(argmax(session_->logits().data(), out_.vocab).index);
      made.ids.push_back(id);
    }
    made.wall_ns = now_ns() - start;
    return made;
  }

  // Full generation: the prompt but its last token stays in the cache.
  Made full(std::size_t n, const SamplerOptions& sampler) {
    GenerateOptions options;
    options.max_tokens = n;
    options.sampler = sampler;
    options.ignore_eos = true;
    session_->rewind(prompt_.size() - 1);
    const double start = now_ns();
    auto made = generate(*session_, std::span(prompt_).last(1), options);
    const double wall = now_ns() - start;
    if (!made) return {};
    return {std::move(made->ids), wall, static_cast<double>(made->prefill_ns + made->decode_ns)};
  }

  // ---- The results first

  void compare(AuditedArena& arena) {
    const std::size_t n = out_.model.tokens;
    const Made audited = audited_generate(*model_, *session_, arena, out_.model.prompt, n, nullptr);
    if (audited.ids.size() != n) out_.disagreement = "the audited loop stopped early";
    if (bare(n).ids != audited.ids) out_.disagreement = "the bare loop makes other tokens";
    if (full(n, {}).ids != audited.ids) out_.disagreement = "generate() makes other tokens";

    // Draws need not be equal; but Prumo's must be among those that sorting leaves.
    const auto kept = SortingSampler(kSampled).kept(session_->logits());
    Sampler sampler(*model_->internals().kernels, out_.vocab, kSampled);
    for (std::uint64_t position = 0; position < 200; ++position) {
      const auto id = sampler.sample(session_->logits().data(), position);
      if (!id ||
          std::none_of(kept.begin(), kept.end(), [&](const Candidate& c) { return c.id == *id; })) {
        out_.disagreement = "the sampler drew a token that sorting cuts off";
      }
    }
  }

  // A call of generate() makes what it needs once; whatever grows with the tokens is a fault.
  void count_allocations() {
    const auto count = [&](std::size_t n) {
      const testing::CountedAllocations counted;
      full(n, kSampled);
      return static_cast<double>(counted.count());
    };
    const std::size_t n = out_.model.tokens;
    out_.allocations = (count(n) - count(n / 4)) / static_cast<double>(n - n / 4);
  }

  // ---- Then the times

  void time_generations(AuditedArena& arena) {
    const std::size_t n = out_.model.tokens;
    const auto per_token = [n](double ns) { return ns / static_cast<double>(n); };
    SortingSampler sorting(kSampled);
    std::vector<double> token, greedy, sampled, ratio, audited_greedy, audited_sampled;
    for (std::size_t round = 0; round < (quick_ ? 3u : 7u); ++round) {
      token.push_back(per_token(bare(n).wall_ns));
      const Made g = full(n, {});
      const Made s = full(n, kSampled);
      greedy.push_back(per_token(g.wall_ns - g.step_ns));
      sampled.push_back(per_token(s.wall_ns - s.step_ns));
      ratio.push_back(s.wall_ns / g.wall_ns);
      const auto& prompt = out_.model.prompt;
      const Made ag = audited_generate(*model_, *session_, arena, prompt, n, nullptr);
      const Made as = audited_generate(*model_, *session_, arena, prompt, n, &sorting);
      audited_greedy.push_back(per_token(ag.wall_ns - ag.step_ns));
      audited_sampled.push_back(per_token(as.wall_ns - as.step_ns));
    }
    out_.token = figure_of(token);
    out_.outside_greedy = figure_of(greedy);
    out_.outside_sampled = figure_of(sampled);
    out_.sampled_total = figure_of(ratio);
    add("generate_greedy", "3 full generation, greedy", figure_of(audited_greedy),
        out_.outside_greedy);
    add("generate_sampled", "3 full generation, T 0.8 k 40 p 0.9", figure_of(audited_sampled),
        out_.outside_sampled);
  }

  void time_pieces(AuditedArena& arena) {
    const float* logits = session_->logits().data();
    const std::size_t n = out_.vocab;
    const auto argmax = model_->internals().kernels->argmax;
    SortingSampler sorting(kSampled);
    Sampler sampler(*model_->internals().kernels, n, kSampled);
    std::uint64_t position = 0;
    std::vector<double> reset, poison, allocate, slow, fast, speedup, sort, sample;
    for (std::size_t round = 0; round < (quick_ ? 11u : 41u); ++round) {
      reset.push_back(ns_per_call(1000, [&] { arena.reset(); }));
      const double pair = ns_per_call(1000, [&] {
        arena.reset();
        benchmark::DoNotOptimize(arena.allocate());
      });
      allocate.push_back(std::max(0.0, pair - reset.back()));
      poison.push_back(ns_per_call(20, [&] {
        arena.reset_and_poison();
        benchmark::DoNotOptimize(arena.allocate());
      }));
      slow.push_back(ns_per_call(10, [&] { benchmark::DoNotOptimize(audited_argmax(logits, n)); }));
      fast.push_back(ns_per_call(100, [&] { benchmark::DoNotOptimize(argmax(logits, n)); }));
      speedup.push_back(slow.back() / fast.back());
      sample.push_back(
          ns_per_call(10, [&] { benchmark::DoNotOptimize(sampler.sample(logits, position++)); }));
      if (round % 4 == 0) {
        sort.push_back(ns_per_call(1, [&] {
          benchmark::DoNotOptimize(sorting.sample({logits, n}));
        }));
      }
    }
    out_.argmax_speedup = figure_of(speedup);
    out_.rows.insert(
        out_.rows.begin(),
        {{"reset", "1 arena reset in the loop", figure_of(reset), std::nullopt},
         {"reset_poisoned", "1 the same, poisoning as a debug build", figure_of(poison), {}},
         {"allocate", "2 logits allocated in the loop", figure_of(allocate), std::nullopt}});
    add("sampler", "3 of that, the sampler (sorting)", figure_of(sort), figure_of(sample));
    add("argmax", "5 scalar argmax, SIMD argmax", figure_of(slow), figure_of(fast));
    if (out_.model.quadratic && !quick_) {
      std::vector<Candidate> all = SortingSampler::probabilities({logits, n});
      out_.quadratic_ns = ns_per_call(1, [&] { quadratic_sort(all); });
    }
  }

  // Ten passes from an empty cache; the first against the nine others.
  struct Ten {
    double first;
    double others;
  };
  static Ten ten_passes(Session& session, TokenId id) {
    std::vector<double> ns;
    for (int i = 0; i < 10; ++i) {
      ns.push_back(ns_per_call(1, [&] { benchmark::DoNotOptimize(session.step(id)); }));
    }
    return {ns.front(), median_of({ns.begin() + 1, ns.end()})};
  }

  // Not warmed: a model loaded and a session made for nothing else. Warmed: passes before.
  void time_first_passes() {
    std::vector<double> cold_ns, warm_ns, cold, warm;
    const auto record = [](const Ten& ten, std::vector<double>& ns, std::vector<double>& ratio) {
      ns.push_back((ten.first - ten.others) / 10);
      ratio.push_back(ten.first / ten.others);
    };
    for (std::size_t round = 0; round < (quick_ ? 3u : 9u); ++round) {
      auto model = Model::load(image_);
      if (!model) return;
      auto session = Session::create(*model, {.context = kContext});
      if (!session) return;
      record(ten_passes(*session, prompt_[0]), cold_ns, cold);
    }
    const double seconds = quick_ ? 0.5 : 3;  // one pass is a noisy thing: many rounds
    const double rounds = std::clamp(seconds * 1e8 / out_.token.median, 9.0, 201.0);
    for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
      session_->rewind(0);
      record(ten_passes(*session_, prompt_[0]), warm_ns, warm);
    }
    out_.cold = figure_of(cold);
    out_.warm = figure_of(warm);
    out_.rows.insert(out_.rows.end() - 1,
                     {"first", "4 first iteration, over ten, un- and warmed",
                      positive(figure_of(cold_ns)), positive(figure_of(warm_ns))});
  }

  // A first pass that took no longer than the others costs nothing.
  static Figure positive(Figure f) { return {std::max(0.0, f.median), f.mad}; }

  void add(const char* key, const char* fault, Figure audited, Figure prumo) {
    out_.rows.push_back({key, fault, audited, prumo});
  }

  bool quick_;
  ModelResult out_;
  std::vector<std::byte> owned_;
  std::span<const std::byte> image_;
  const Model* model_ = nullptr;
  Session* session_ = nullptr;
  std::vector<TokenId> prompt_;
};

}  // namespace prumo::bench
