// Products with F16 weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_f16", prumo::gguf::TensorType::kF16);
}

PRUMO_BENCH_MAIN();
