/* One step of the integer GRU over EK_NAME, EK_X, EK_H (type of the recurrent operand), EK_BIAS (also the
 * accumulator), EK_DOT_X, EK_DOT_R and EK_NARROW(v), which makes an EK_H of an int16 of scale 2^-15. */
#include "ek_dot.h"

/* Product of two numbers of which one has scale 2^-15, rounded to the scale of the other. */
static inline int16_t ek_product_q15(int16_t a, int16_t b)
{
    return ek_saturate_s16((a * b + (1 << 14)) >> 15);
}

static inline int16_t ek_gru_sum(EK_BIAS acc, int32_t mult, int32_t shift)
{
    return (int16_t)ek_output(acc, mult, shift, 0, -32768, 32767);
}

static inline int16_t ek_gru_gate(const int16_t *table, int16_t a, int16_t b)
{
    return ek_lut_s16_at(table, ek_saturate_s16(a + b));
}

void EK_NAME(const EK_X *restrict x, int16_t *restrict h, const int8_t *restrict w, const int8_t *restrict r,
             const EK_BIAS *restrict w_bias, const EK_BIAS *restrict r_bias, const int32_t *restrict w_mult,
             const uint8_t *restrict w_shift, const int32_t *restrict r_mult, const uint8_t *restrict r_shift,
             const int16_t *restrict sigmoid, const int16_t *restrict tanh_, int32_t inputs, int32_t units,
             int32_t linear_before_reset, int16_t *restrict scratch)
{
    const int32_t n = units, now = linear_before_reset ? 3 * n : 2 * n;
    int16_t *const gx = scratch, *const gh = scratch + 3 * n;
    EK_H *const operand = (EK_H *)(scratch + 6 * n);
    for (int32_t j = 0; j < n; j++) {
        operand[j] = EK_NARROW(h[j]);
    }
    for (int32_t j = 0; j < 3 * n; j++) {
        gx[j] = ek_gru_sum(w_bias[j] + EK_DOT_X(x, w + (ptrdiff_t)j * inputs, inputs), w_mult[j], w_shift[j]);
    }
    for (int32_t j = 0; j < now; j++) {
        gh[j] = ek_gru_sum(r_bias[j] + EK_DOT_R(operand, r + (ptrdiff_t)j * n, n), r_mult[j], r_shift[j]);
    }
    for (int32_t j = 0; j < n; j++) {
        const int16_t reset = ek_gru_gate(sigmoid, gx[n + j], gh[n + j]);
        if (linear_before_reset) {
            gh[2 * n + j] = ek_product_q15(reset, gh[2 * n + j]);
        } else {
            operand[j] = EK_NARROW(ek_product_q15(reset, h[j]));
        }
    }
    for (int32_t j = now; j < 3 * n; j++) {
        gh[j] = ek_gru_sum(r_bias[j] + EK_DOT_R(operand, r + (ptrdiff_t)j * n, n), r_mult[j], r_shift[j]);
    }
    for (int32_t j = 0; j < n; j++) {
        const int32_t z = ek_gru_gate(sigmoid, gx[j], gh[j]);
        const int32_t candidate = ek_gru_gate(tanh_, gx[2 * n + j], gh[2 * n + j]);
        h[j] = ek_saturate_s16(((32768 - z) * candidate + z * h[j] + (1 << 14)) >> 15);
    }
}
