/* One step of the integer LSTM over the macros of ek_gru_int.h. */
#include "ek_gates.h"

void EK_NAME(const EK_X *restrict x, int16_t *restrict h, int32_t *restrict c, const int8_t *restrict w,
             const int8_t *restrict r, const EK_W_SUM *restrict w_bias, const EK_R_SUM *restrict r_bias,
             const int32_t *restrict w_mult, const uint8_t *restrict w_shift, const int32_t *restrict r_mult,
             const uint8_t *restrict r_shift, const int16_t *restrict sigmoid, const int16_t *restrict tanh_,
             int32_t inputs, int32_t units, int32_t c_bits, int16_t *restrict scratch)
{
    const int32_t n = units, up = c_bits < 15 ? 15 - c_bits : 0, shift = 15 + up;
    const int64_t step = (int64_t)1 << (c_bits > 15 ? c_bits - 15 : 0);
    int16_t *const gx = scratch, *const gh = scratch + 4 * n;
    EK_H *const operand = (EK_H *)(scratch + 8 * n);
    for (int32_t j = 0; j < n; j++) {
        operand[j] = EK_NARROW(h[j]);
    }
    EK_GATE_PRODUCT(EK_W_SUM, EK_DOTS_X, x, w, inputs, w_bias, w_mult, w_shift, 0, 4 * n, gx)
    EK_GATE_PRODUCT(EK_R_SUM, EK_DOTS_R, operand, r, n, r_bias, r_mult, r_shift, 0, 4 * n, gh)
    for (int32_t j = 0; j < n; j++) {
        const int32_t in = ek_gate(sigmoid, gx[j], gh[j]);
        const int32_t out = ek_gate(sigmoid, gx[n + j], gh[n + j]);
        const int16_t f = ek_saturate_s16(gx[2 * n + j] + gh[2 * n + j]);
        const int64_t keep = 32768 - ek_lut_s16_at(sigmoid, ek_saturate_s16(-f));
        const int32_t candidate = ek_gate(tanh_, gx[3 * n + j], gh[3 * n + j]);
        const int64_t sum = keep * c[j] * ((int64_t)1 << up) + in * candidate * step;
        c[j] = (int32_t)ek_clamp64((sum + ((int64_t)1 << (shift - 1))) >> shift, INT32_MIN, INT32_MAX);
        h[j] = ek_product_q15((int16_t)out, ek_lut_s16_at(tanh_, ek_cell_q11(c[j], c_bits)));
    }
}
