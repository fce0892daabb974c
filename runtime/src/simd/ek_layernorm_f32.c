#include "ek_vector.h"

static inline float ek_sum_of(ek_v v)
{
    float lanes[EK_LANES];
    ek_v_store(lanes, v);
    for (int32_t half = EK_LANES / 2; half > 0; half /= 2) {
        for (int32_t i = 0; i < half; i++) {
            lanes[i] += lanes[i + half];
        }
    }
    return lanes[0];
}

void ek_layernorm_f32(const float *x, const float *scale, const float *bias, float eps, float *y, float *means,
                      float *inverses, int32_t rows, int32_t n)
{
    const int32_t whole = n / EK_LANES * EK_LANES;
    for (int32_t row = 0; row < rows; row++) {
        ek_v sums = ek_v_zero(), squared = ek_v_zero();
        float sum = 0.0f, squares = 0.0f, mean, inverse;
        for (int32_t i = 0; i < whole; i += EK_LANES) {
            sums = ek_v_add(sums, ek_v_load(x + i));
        }
        for (int32_t i = whole; i < n; i++) {
            sum += x[i];
        }
        mean = (sum + ek_sum_of(sums)) / (float)n;
        for (int32_t i = 0; i < whole; i += EK_LANES) {
            const ek_v d = ek_v_add(ek_v_load(x + i), ek_v_all(-mean));
            squared = ek_v_fma(d, d, squared);
        }
        for (int32_t i = whole; i < n; i++) {
            squares += (x[i] - mean) * (x[i] - mean);
        }
        inverse = 1.0f / ek_sqrtf1((squares + ek_sum_of(squared)) / (float)n + eps);
        if (means) {
            means[row] = mean;
        }
        if (inverses) {
            inverses[row] = inverse;
        }
        EK_IVDEP
        for (int32_t i = 0; i < n; i++) {
            const float v = ((x[i] - mean) * inverse) * scale[i];
            y[i] = bias ? v + bias[i] : v;
        }
        x += n;
        y += n;
    }
}
