#include "model/loaded_model.h"

#include <memory>
#include <utility>

#include "base/float_guard.h"
#include "base/threads.h"

namespace prumo {
namespace {

// The file's own copy of packed weights can be read again, so it need not stay in memory.
void drop_pages(void* mapping, std::span<const std::byte> part) {
  static_cast<const MappedFile*>(mapping)->advise_unneeded(part);
}

}  // namespace

Result<std::size_t> resolve_threads(std::size_t threads) {
  if (threads == 0) return usable_cores();
  if (threads <= ThreadTeam::kMaxThreads) return threads;
  return Error{ErrorCode::kBadArgument, "threads",
               std::to_string(threads) + " threads are too many; use at most " +
                   std::to_string(ThreadTeam::kMaxThreads) + "."};
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(std::span<const std::byte> bytes,
                                                       std::optional<MappedFile> mapping,
                                                       std::size_t threads) {
  const FloatGuard guard;
  const auto n_threads = resolve_threads(threads);
  if (!n_threads) return n_threads.error();
  const auto kernels = choose_kernels();
  if (!kernels) return kernels.error();
  auto file = gguf::File::parse(bytes);
  if (!file) return file.error();
  auto config = Config::from(*file);
  if (!config) return config.error();
  auto tokenizer = Tokenizer::from(*file);
  if (!tokenizer) return tokenizer.error();
  auto team = ThreadTeam::create(*n_threads);
  if (!team) return team.error();
  auto weights = Weights::load(*file, *config, **team, mapping ? drop_pages : nullptr,
                               mapping ? &*mapping : nullptr);
  if (!weights) return weights.error();
  return std::make_unique<LoadedModel>(LoadedModel{std::move(mapping), bytes, *kernels,
                                                   std::move(*config), std::move(*tokenizer),
                                                   std::move(*weights)});
}

}  // namespace prumo
