// Kernels that tell of each call, in the place of a model's own: what a session computes, and on
// which threads, can be seen.
#pragma once

#include <functional>
#include <utility>

#include "kernels/kernels.h"
#include "model/loaded_model.h"
#include "prumo.h"

namespace prumo::testing {

/// A kernel that tells of its call, and then does as the real one.
template <auto Pointer>
struct Spy;
template <class R, class... Args, R (*Kernels::*Pointer)(Args...)>
struct Spy<Pointer> {
  inline static R (*real)(Args...) = nullptr;
  inline static std::function<void(Args...)> told;
  static R call(Args... args) {
    told(args...);
    return real(args...);
  }
};

/// The model's kernels while it lives, and of the sessions that are made meanwhile, which it
/// outlives. One at a time.
class SpiedKernels {
 public:
  explicit SpiedKernels(const Model& model)
      : loaded_(const_cast<LoadedModel&>(model.internals())), own_(loaded_.kernels), table_(*own_) {
    loaded_.kernels = &table_;
  }
  ~SpiedKernels() { loaded_.kernels = own_; }
  SpiedKernels(const SpiedKernels&) = delete;
  SpiedKernels& operator=(const SpiedKernels&) = delete;

  /// `told` gets the arguments of each call of a kernel, on the thread that calls it.
  template <auto Pointer, class F>
  void tell(F&& told) {
    Spy<Pointer>::real = own_->*Pointer;
    Spy<Pointer>::told = std::forward<F>(told);
    table_.*Pointer = &Spy<Pointer>::call;
  }

 private:
  LoadedModel& loaded_;
  const Kernels* own_;
  Kernels table_;
};

}  // namespace prumo::testing
