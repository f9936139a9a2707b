// Laws of the choice of an instruction set: PRUMO_ISA names one that is there, or is an error that
// says so, whatever it holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/forced_isa.h"
#include "support/gen.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

// Names, names with something changed, and anything.
std::string any_name() {
  std::string name(
      *rc::gen::elementOf(std::vector<std::string_view>(known_isas().begin(), known_isas().end())));
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      return name;
    case 1:
      return name.substr(0, *rc::gen::inRange<std::size_t>(0, name.size() + 1));
    case 2:
      return name + *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('!', '~')));
    case 3: {
      const auto at = *rc::gen::inRange<std::size_t>(0, name.size());
      name[at] = static_cast<char>(name[at] ^ 0x20);
      return name;
    }
    default:
      return *rc::gen::container<std::string>(rc::gen::inRange('!', '~'));
  }
}

RC_GTEST_PROP(DispatchLaw, ANameIsThatTableOrAnError, ()) {
  const std::string name = any_name();
  const ForcedIsa forced(name);
  const auto chosen = choose_kernels();
  const auto all = known_isas();
  const auto here = tables();
  const auto table =
      std::find_if(here.begin(), here.end(), [&](const Kernels* t) { return t->name == name; });
  RC_CLASSIFY(table != here.end(), "a name");
  if (name.empty()) {
    RC_ASSERT(chosen.ok() && *chosen == here.back());
  } else if (table != here.end()) {
    RC_ASSERT(chosen.ok() && *chosen == *table);
  } else {
    RC_ASSERT(!chosen.ok());
    RC_ASSERT(chosen.error().code == ErrorCode::kBadArgument);
    RC_ASSERT(chosen.error().place == "PRUMO_ISA");
    const bool known = std::find(all.begin(), all.end(), name) != all.end();
    RC_ASSERT(known == (chosen.error().message.find("lacks") != std::string::npos));
  }
}

}  // namespace
}  // namespace prumo::testing
