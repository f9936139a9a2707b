// Products with Q6_K weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q6_k", prumo::gguf::TensorType::kQ6_K);
}

PRUMO_BENCH_MAIN();
