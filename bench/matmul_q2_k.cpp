// Products with Q2_K weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q2_k", prumo::gguf::TensorType::kQ2_K);
}

PRUMO_BENCH_MAIN();
