// Forces an instruction set for models loaded while it lives.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace prumo::testing {

class ForcedIsa {
 public:
  explicit ForcedIsa(std::string_view name) {
    if (const char* was = std::getenv("PRUMO_ISA")) before_ = was;
    ::setenv("PRUMO_ISA", std::string(name).c_str(), 1);
  }
  ~ForcedIsa() {
    if (before_) {
      ::setenv("PRUMO_ISA", before_->c_str(), 1);
    } else {
      ::unsetenv("PRUMO_ISA");
    }
  }
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;

 private:
  std::optional<std::string> before_;
};

}  // namespace prumo::testing
