// Products with Q4_0 weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q4_0", prumo::gguf::TensorType::kQ4_0);
}

PRUMO_BENCH_MAIN();
