// Products with Q8_0 weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q8_0", prumo::gguf::TensorType::kQ8_0);
}

PRUMO_BENCH_MAIN();
