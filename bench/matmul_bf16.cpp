// Products with BF16 weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_bf16", prumo::gguf::TensorType::kBF16);
}

PRUMO_BENCH_MAIN();
