#include "cli/source.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "cli/builtin.h"
#include "cli/report.h"
#include "gguf/value.h"

namespace prumo::cli {
namespace {

// What on_lost_page() says: made beforehand, since a handler may not allocate.
char lost_page[1024];

// A page of a mapped file is gone: somebody has made the file shorter. Several threads may meet
// that at once; the first says so and ends the program, the others wait for the end.
void on_lost_page(int) {
  static std::atomic_flag said = ATOMIC_FLAG_INIT;
  while (said.test_and_set()) ::pause();
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, lost_page, std::strlen(lost_page));
  ::_exit(kRuntime);
}

void watch_for_lost_pages(const std::string& path) {
  const Error error{ErrorCode::kIo, gguf::printable(path, 4096),
                    "The file became shorter while it was read; restore it and try again."};
  const std::string sentence = sentence_of(error);
  lost_page[sentence.copy(lost_page, sizeof lost_page - 1)] = '\0';
  struct sigaction action = {};
  action.sa_handler = on_lost_page;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace

Result<Source> Source::open(const std::string& path) {
  std::optional<MappedFile> mapping;
  std::span<const std::byte> bytes = builtin_model();
  if (!path.empty()) {
    auto mapped = MappedFile::open(path);
    if (!mapped) return in_model(path, mapped.error());
    mapping = std::move(*mapped);
    bytes = mapping->bytes();
    watch_for_lost_pages(path);
  }
  auto file = gguf::File::parse(bytes);
  if (!file) return in_model(path, file.error());
  return Source{std::move(mapping), std::move(*file)};
}

Result<Model> load_model(const std::string& path, std::size_t threads) {
  if (!path.empty()) watch_for_lost_pages(path);
  auto model = path.empty() ? Model::load(builtin_model(), threads) : Model::load(path, threads);
  if (!model) return in_model(path, model.error());
  return model;
}

}  // namespace prumo::cli
