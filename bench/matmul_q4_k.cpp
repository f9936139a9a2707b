// Products with Q4_K weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q4_k", prumo::gguf::TensorType::kQ4_K);
}

PRUMO_BENCH_MAIN();
