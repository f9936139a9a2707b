// Products with F32 weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_f32", prumo::gguf::TensorType::kF32);
}

PRUMO_BENCH_MAIN();
