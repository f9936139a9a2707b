#include "cli/guarded.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstring>
#include <new>

namespace prumo::cli {
namespace {

constexpr std::size_t kPage = 4096;

// Mappings are kept for the next of their size: asking the system each time takes longer than most
// kernels do.
std::array<std::vector<std::byte*>, 40>& kept() {
  static std::array<std::vector<std::byte*>, 40> lists;
  return lists;
}

// Pages of a mapping for so many bytes, as a power of two.
std::size_t order_of(std::size_t bytes) {
  const std::size_t pages = (bytes + kPage - 1) / kPage;
  return static_cast<std::size_t>(std::bit_width(pages == 0 ? 0 : pages - 1));
}

const char* kernel_now = "";
const char* isa_now = "";
const std::string* text_now = nullptr;

void say(const char* text, std::size_t n) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, n);
}

void on_fault(int) {
  for (const char* text : {"prumo: ", kernel_now, ": ", isa_now, " "}) say(text, std::strlen(text));
  if (text_now != nullptr) say(text_now->data(), text_now->size());
  say("\n", 1);
  ::_exit(1);
}

}  // namespace

void* allocate_guarded(std::size_t bytes) {
  const std::size_t order = order_of(bytes);
  const std::size_t room = kPage << order;
  auto& list = kept()[order];
  std::byte* begin = nullptr;
  if (list.empty()) {
    void* mapped =
        ::mmap(nullptr, room + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    begin = static_cast<std::byte*>(mapped);
    ::mprotect(begin + room, kPage, PROT_NONE);
  } else {
    begin = list.back();
    list.pop_back();
  }
  return begin + room - bytes;
}

void free_guarded(void* at, std::size_t bytes) noexcept {
  const std::size_t order = order_of(bytes);
  kept()[order].push_back(static_cast<std::byte*>(at) + bytes - (kPage << order));
}

void watch_guards() {
  struct sigaction action = {};
  action.sa_handler = on_fault;
  ::sigaction(SIGSEGV, &action, nullptr);
  ::sigaction(SIGBUS, &action, nullptr);
}

void guard_says(const char* kernel, const std::string* text) {
  kernel_now = kernel;
  text_now = text;
}

void guard_says_isa(const char* isa) {
  isa_now = isa;
}

}  // namespace prumo::cli
