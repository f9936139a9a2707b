// Products with Q5_0 weights.
#include "support/gate.h"
#include "support/product.h"

namespace {
const bool registered =
    prumo::bench::register_products("matmul_q5_0", prumo::gguf::TensorType::kQ5_0);
}

PRUMO_BENCH_MAIN();
