// Allocations where none may be, for the counter of support/counting_new.h: one of each kind.
#include <atomic>
#include <thread>

#include "controls/control.h"
#include "support/counting_new.h"

namespace {

using prumo::testing::CountedAllocations;

// Ends the program when anything was allocated since `counted` was made.
void demand_none(const CountedAllocations& counted) {
  if (counted.count() == 0) return;
  std::printf("allocations: %zu where none may be\n", counted.count());
  std::exit(1);
}

void one(bool fault, void* (*allocate)(), void (*release)(void*)) {
  const CountedAllocations counted;
  void* volatile p = fault ? allocate() : nullptr;
  demand_none(counted);
  release(p);
}

constexpr auto kAlign = std::align_val_t(64);

void single(bool fault) {
  one(
      fault, [] { return ::operator new(8); }, [](void* p) { ::operator delete(p); });
}
void array(bool fault) {
  one(
      fault, [] { return ::operator new[](8); }, [](void* p) { ::operator delete[](p); });
}
void aligned(bool fault) {
  one(
      fault, [] { return ::operator new(8, kAlign); },
      [](void* p) { ::operator delete(p, kAlign); });
}
void nothrow(bool fault) {
  one(
      fault, [] { return ::operator new(8, std::nothrow); },
      [](void* p) { ::operator delete(p, std::nothrow); });
}

// By another thread than the one that counts.
void elsewhere(bool fault) {
  std::atomic<int> stage{0};
  std::thread other([&] {
    while (stage != 1) std::this_thread::yield();
    void* volatile p = fault ? ::operator new(8) : nullptr;
    stage = 2;
    while (stage != 3) std::this_thread::yield();
    ::operator delete(p);
  });
  const CountedAllocations counted;
  stage = 1;
  while (stage != 2) std::this_thread::yield();
  const std::size_t n = counted.count();
  stage = 3;
  other.join();
  if (n != 0) demand_none(counted);
}

}  // namespace

int main(int argc, char** argv) {
  return prumo::testing::run_control(argc, argv,
                                     {{"single", single},
                                      {"array", array},
                                      {"aligned", aligned},
                                      {"nothrow", nothrow},
                                      {"elsewhere", elsewhere}});
}
