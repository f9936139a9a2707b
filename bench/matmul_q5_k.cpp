// Products with Q5_K weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q5_k", prumo::gguf::TensorType::kQ5_K);
}

PRUMO_BENCH_MAIN();
