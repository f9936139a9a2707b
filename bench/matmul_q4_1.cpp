// Products with Q4_1 weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q4_1", prumo::gguf::TensorType::kQ4_1);
}

PRUMO_BENCH_MAIN();
