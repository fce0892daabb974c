#include "ek_functions_f32.h"
#include "ek_sums_f32.h"

void ek_softmax_f32(const float *x, float *y, int32_t rows, int32_t n)
{
    for (int32_t row = 0; row < rows; row++) {
        const ek_v top = ek_v_all(-ek_most_f32(x, n));
        ek_v sum = ek_v_zero(), scale;
        int32_t i = 0;
        for (; i + EK_LANES <= n; i += EK_LANES) {
            const ek_v p = ek_v_exp(ek_v_add(ek_v_load(x + i), top));
            sum = ek_v_add(sum, p);
            ek_v_store(y + i, p);
        }
        if (i < n) {
            float lanes[EK_LANES];
            const ek_v p = ek_v_exp(ek_v_add(ek_v_load_some(x + i, n - i), top));
            ek_v_store(lanes, p);
            sum = ek_v_add(sum, ek_v_load_some(lanes, n - i));
            ek_v_store_some(y + i, p, n - i);
        }
        scale = ek_v_all(1.0f / ek_lanes_sum(sum));
        for (i = 0; i < n; i += EK_LANES) {
            ek_gate_store(y + i, ek_v_mul(ek_gate_load(y + i, n - i), scale), n - i);
        }
        x += n;
        y += n;
    }
}
