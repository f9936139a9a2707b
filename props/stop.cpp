// Laws of stop texts: a text that comes in pieces is searched as the whole is, and nothing is shown
// that could belong to a stop text.
#include "generate/stop.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "support/gen.h"
#include "support/stop_law.h"

namespace prumo {
namespace {

using testing::obeys;
using testing::stop_law;

// Of few letters, so that beginnings of one lie in others everywhere.
rc::Gen<std::string> text() {
  return rc::gen::container<std::string>(rc::gen::element('a', 'b', 'a', 'c'));
}
rc::Gen<std::vector<std::string>> stops() {
  return rc::gen::scale(0.06,
                        rc::gen::container<std::vector<std::string>>(rc::gen::nonEmpty(text())));
}

RC_GTEST_PROP(StopLaw, PiecesAreSearchedAsTheWholeIsAndNothingShownIsTakenBack, ()) {
  obeys(stop_law(*stops(),
                 *rc::gen::container<std::vector<std::string>>(rc::gen::scale(0.1, text()))));
}

}  // namespace
}  // namespace prumo
