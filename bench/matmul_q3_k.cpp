// Products with Q3_K weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q3_k", prumo::gguf::TensorType::kQ3_K);
}

PRUMO_BENCH_MAIN();
