/* One step of the integer GRU over EK_NAME, EK_X and EK_H (types of the input and of the recurrent operand), EK_W and
 * EK_R (S8 or S16, the same), EK_W_SUM and EK_R_SUM (of their products' sums and biases) and EK_NARROW(v), which makes
 * an EK_H of an int16 of scale 2^-15. */
#include "ek_gates.h"

void EK_NAME(const EK_X *restrict x, int16_t *restrict h, const int8_t *restrict w, const int8_t *restrict r,
             const EK_W_SUM *restrict w_bias, const EK_R_SUM *restrict r_bias, const int32_t *restrict w_mult,
             const uint8_t *restrict w_shift, const int32_t *restrict r_mult, const uint8_t *restrict r_shift,
             const int16_t *restrict sigmoid, const int16_t *restrict tanh_, int32_t inputs, int32_t units,
             int32_t linear_before_reset, int16_t *restrict scratch)
{
    const int32_t n = units, now = linear_before_reset ? 3 * n : 2 * n;
    int16_t *const gx = scratch, *const gh = scratch + 3 * n;
    int16_t *const z = gx, *const reset = gx + n, *const candidate = gx + 2 * n;
    EK_H *const operand = (EK_H *)(scratch + 6 * n);
    for (int32_t j = 0; j < n; j++) {
        operand[j] = EK_NARROW(h[j]);
    }
    EK_GATE_PRODUCT(EK_W, EK_W_SUM, x, w, inputs, w_bias, w_mult, w_shift, 0, 3 * n, gx)
    EK_GATE_PRODUCT(EK_R, EK_R_SUM, operand, r, n, r_bias, r_mult, r_shift, 0, now, gh)
    ek_gate(sigmoid, z, gh, 2 * n);
    if (linear_before_reset) {
        for (int32_t j = 0; j < n; j++) {
            gh[2 * n + j] = ek_product_q15(reset[j], gh[2 * n + j]);
        }
    } else {
        for (int32_t j = 0; j < n; j++) {
            operand[j] = EK_NARROW(ek_product_q15(reset[j], h[j]));
        }
        EK_GATE_PRODUCT(EK_R, EK_R_SUM, operand, r, n, r_bias, r_mult, r_shift, now, 3 * n, gh)
    }
    ek_gate(tanh_, candidate, gh + 2 * n, n);
    for (int32_t j = 0; j < n; j++) {
        h[j] = ek_saturate_s16(((32768 - z[j]) * candidate[j] + z[j] * h[j] + (1 << 14)) >> 15);
    }
}
