// What the audit's figures come to: a table a model, the audit's own checklist, and its estimates
// beside what was measured. Plain text of at most 100 columns, and JSON.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "audit_model.h"
#include "support/gate.h"

namespace prumo::bench {

/// "1.23 ms": three digits.
inline std::string human_ns(double ns) {
  if (ns == 0) return "0 ns";
  const char* unit = "ns";
  for (const char* next : {"us", "ms", "s"}) {
    if (ns < 999.5) break;
    ns /= 1000;
    unit = next;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s", ns < 10 ? 2 : ns < 100 ? 1 : 0, ns, unit);
  return text;
}

/// "2.4 %", with what matters of small shares.
inline std::string percent(double share) {
  if (share > 0 && share < 1e-5) return "< 0.001 %";
  char text[32];
  std::snprintf(text, sizeof text,
                share < 0.01  ? "%.3f %%"
                : share < 0.1 ? "%.1f %%"
                              : "%.0f %%",
                share * 100);
  return text;
}

inline std::string times(double factor) {
  char text[32];
  std::snprintf(text, sizeof text, factor < 100 ? "%.1f times" : "%.0f times", factor);
  return text;
}

inline void print_cell(const std::optional<Figure>& f, double token) {
  if (!f) {
    std::printf("%9s %7s %9s", "none", "", "");
    return;
  }
  char mad[16] = "";
  if (f->median > 0) std::snprintf(mad, sizeof mad, "+-%.0f %%", 100 * f->mad / f->median);
  std::printf("%9s %7s %9s", human_ns(f->median).c_str(), mad, percent(f->median / token).c_str());
}

inline void print_model(const ModelResult& m) {
  std::printf("\n%s: %s\n", m.model.name, m.model.what);
  std::printf("  V = %zu, %s, %zu threads; a token (forward pass and argmax) is %s, +-%.1f %%;\n",
              m.vocab, m.isa.c_str(), m.threads, human_ns(m.token.median).c_str(),
              100 * m.token.mad / m.token.median);
  std::printf("  generations of %zu tokens after a prompt of %zu\n", m.model.tokens,
              m.prompt_tokens);
  std::printf("  %-43s%27s%27s\n", "fault, ns a token and share of it", "as audited", "Prumo");
  for (const Row& row : m.rows) {
    std::printf("  %-43s", row.fault);
    print_cell(row.audited, m.token.median);
    print_cell(row.prumo, m.token.median);
    std::printf("\n");
  }
  if (m.quadratic_ns != 0) {
    std::printf(
        "  The sort above is O(V log V). Exchanging neighbours, as the audited engine sorts, "
        "once: %s.\n",
        human_ns(m.quadratic_ns).c_str());
  }
  std::printf("  generate() as a whole, T 0.8 k 40 p 0.9 over greedy: %.3f, +-%.3f.\n",
              m.sampled_total.median, m.sampled_total.mad);
  if (m.disagreement.empty()) {
    std::printf("  Both renderings made the same tokens.\n");
  } else {
    std::printf("  WRONG: %s.\n", m.disagreement.c_str());
  }
}

struct Check {
  std::string what;
  std::string measured;
  std::string audits;  // its threshold
  std::string ours;
  bool passed;   // the audit's threshold
  bool reached;  // ours
};

inline const ModelResult* find(const std::vector<ModelResult>& models, const std::string& name) {
  for (const ModelResult& m : models) {
    if (name == m.model.name) return &m;
  }
  return nullptr;
}

/// The audit's checklist, as far as the models that it needs were measured.
inline std::vector<Check> checklist(const std::vector<ModelResult>& models) {
  std::vector<Check> checks;
  if (const ModelResult* m = find(models, "135M")) {
    const double share = m->outside_greedy.median / m->token.median;
    checks.push_back({"overhead: all outside the forward pass, 135M", percent(share), "<= 1 %",
                      "<= 0.1 %", share <= 0.01, share <= 0.001});
    const double extra = (m->outside_sampled.median - m->outside_greedy.median) / m->token.median;
    checks.push_back({"T 0.8 k 40 p 0.9 over greedy, 135M", percent(std::max(0.0, extra)), "-",
                      "<= 1 %", true, extra <= 0.01});
  }
  if (const ModelResult* m = find(models, "V32000")) {
    const double x = m->argmax_speedup.median;
    checks.push_back(
        {"argmax, scalar over SIMD, V = 32000", times(x), ">= 4", ">= 15", x >= 4, x >= 15});
  }
  double allocations = 0;
  double error = 0;
  bool agree = true;
  for (const ModelResult& m : models) {
    allocations = std::max(allocations, m.allocations);
    error = std::max(error, std::abs(m.warm.median - 1) / 10);
    agree = agree && m.disagreement.empty();
  }
  char count[32];
  std::snprintf(count, sizeof count, "%g", allocations);
  checks.push_back(
      {"allocations a token, counted", count, "0", "0", allocations == 0, allocations == 0});
  checks.push_back({"warmed up: error of a mean of 10 iterations", percent(error), "<= 1 %",
                    "<= 1 %", error <= 0.01, error <= 0.01});
  checks.push_back({"the same tokens both ways", agree ? "yes" : "no", "yes", "yes", agree, agree});
  return checks;
}

inline bool print_checklist(const std::vector<Check>& checks) {
  bool all = true;
  std::printf("\nThe audit's checklist\n  %-45s %12s %10s %6s %10s %6s\n", "", "measured",
              "audit's", "", "ours", "");
  for (const Check& c : checks) {
    std::printf("  %-45s %12s %10s %6s %10s %6s\n", c.what.c_str(), c.measured.c_str(),
                c.audits.c_str(),
                c.audits == "-" ? ""
                : c.passed      ? "pass"
                                : "FAIL",
                c.ours.c_str(), c.reached ? "pass" : "FAIL");
    all = all && c.passed && c.reached;
  }
  return all;
}

// "29000 times less", "1.4 times more", "about that".
inline std::string against(double measured, double estimate) {
  if (measured <= 0) return "nothing";
  if (measured > estimate * 1.25) return times(measured / estimate) + " more";
  if (estimate > measured * 1.25) return times(estimate / measured) + " less";
  return "about that";
}

inline void print_estimate(const char* what, double estimate, double measured) {
  std::printf("  %-44s %10s %12s   %s\n", what, human_ns(estimate).c_str(),
              human_ns(measured).c_str(), against(measured, estimate).c_str());
}

/// Where the audit, which estimated for V = 32000, was wrong.
inline void print_estimates(const ModelResult& m) {
  const double reset = m.row("reset").audited.median;
  const double allocate = m.row("allocate").audited.median;
  const double argmax = m.row("argmax").audited.median;
  const double ten = 10 * (reset + allocate + argmax);
  std::printf("\nWhat the audit estimated, V = 32000                estimated     measured\n");
  print_estimate("arena reset", 1e5, reset);
  print_estimate("arena reset that poisons", 1e5, m.row("reset_poisoned").audited.median);
  print_estimate("allocation of the logits", 5e4, allocate);
  print_estimate("scalar argmax", 1e5, argmax);
  print_estimate("SIMD argmax (1/8 of 1 ms for 10)", 1.25e4, m.row("argmax").prumo->median);
  print_estimate("all three, 10 iterations", 3.5e6, ten);
  std::printf("  %-44s %10s %12s   %s\n", "SIMD argmax over scalar", "4.0 times",
              times(m.argmax_speedup.median).c_str(), against(m.argmax_speedup.median, 4).c_str());
  std::printf("  %-44s %10s %12s   %s\n", "first iteration over the others", "1.5 times",
              times(m.cold.median).c_str(), against(m.cold.median, 1.5).c_str());

  const double sampled = m.row("generate_sampled").audited.median;
  const double others = reset + allocate + argmax;
  std::printf(
      "Its 3.5 ms counts the argmax twice: its own figures add up to 2.5 ms. What it puts first,\n"
      "reset and allocation, is %s of what the argmax costs. Full generation, which it left\n"
      "unmeasured, costs %s a token when it samples, %s the other three together.\n",
      percent((reset + allocate) / argmax).c_str(), human_ns(sampled).c_str(),
      times(sampled / others).c_str());
}

// ---- JSON

inline void json_figure(std::FILE* out, const char* key, const Figure& f, const char* end) {
  std::fprintf(out, "\"%s\": {\"median\": %.6g, \"mad\": %.6g}%s", key, f.median, f.mad, end);
}

inline void json_model(std::FILE* out, const ModelResult& m) {
  std::fprintf(out,
               "    {\"model\": \"%s\", \"vocab\": %zu, \"isa\": \"%s\", \"threads\": %zu,\n"
               "     \"prompt_tokens\": %zu, \"tokens\": %zu, \"same_tokens\": %s,\n     ",
               m.model.name, m.vocab, m.isa.c_str(), m.threads, m.prompt_tokens, m.model.tokens,
               m.disagreement.empty() ? "true" : "false");
  json_figure(out, "token_ns", m.token, ",\n     ");
  json_figure(out, "outside_greedy_ns", m.outside_greedy, ",\n     ");
  json_figure(out, "outside_sampled_ns", m.outside_sampled, ",\n     ");
  json_figure(out, "sampled_over_greedy", m.sampled_total, ",\n     ");
  json_figure(out, "argmax_speedup", m.argmax_speedup, ",\n     ");
  json_figure(out, "first_over_others_unwarmed", m.cold, ",\n     ");
  json_figure(out, "first_over_others_warmed", m.warm, ",\n     ");
  std::fprintf(out,
               "\"allocations_per_token\": %g, \"quadratic_sort_ns\": %.6g,\n     \"faults\": [",
               m.allocations, m.quadratic_ns);
  for (const Row& row : m.rows) {
    std::fprintf(out, "%s\n      {\"fault\": \"%s\", ", &row == m.rows.data() ? "" : ",", row.key);
    json_figure(out, "as_audited_ns", row.audited, ", ");
    json_figure(out, "prumo_ns", row.prumo.value_or(Figure{}), "}");
  }
  std::fprintf(out, "]}");
}

/// False when the file cannot be written.
inline bool write_json(const std::string& path, const std::vector<ModelResult>& models,
                       const std::vector<Check>& checks) {
  std::FILE* out = std::fopen(path.c_str(), "w");
  if (out == nullptr) return false;
  std::fprintf(out, "{\n  \"proved\": %s,\n  \"models\": [\n",
               *unproved_mark() == '\0' ? "true" : "false");
  for (const ModelResult& m : models) {
    json_model(out, m);
    std::fprintf(out, &m == &models.back() ? "\n  ],\n" : ",\n");
  }
  std::fprintf(out, "  \"checks\": [");
  for (const Check& c : checks) {
    std::fprintf(out,
                 "%s\n    {\"check\": \"%s\", \"measured\": \"%s\", \"audit\": \"%s\", "
                 "\"audit_passed\": %s, \"ours\": \"%s\", \"ours_passed\": %s}",
                 &c == checks.data() ? "" : ",", c.what.c_str(), c.measured.c_str(),
                 c.audits.c_str(), c.passed ? "true" : "false", c.ours.c_str(),
                 c.reached ? "true" : "false");
  }
  std::fprintf(out, "\n  ]\n}\n");
  return std::fclose(out) == 0;
}

}  // namespace prumo::bench
