// Products with Q5_1 weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q5_1", prumo::gguf::TensorType::kQ5_1);
}

PRUMO_BENCH_MAIN();
