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
    int16_t *const in = gx, *const out = gx + n, *const forget = gx + 2 * n, *const candidate = gx + 3 * n;
    EK_H *const operand = (EK_H *)(scratch + 8 * n);
    for (int32_t j = 0; j < n; j++) {
        operand[j] = EK_NARROW(h[j]);
    }
    EK_GATE_PRODUCT(EK_W, EK_W_SUM, x, w, inputs, w_bias, w_mult, w_shift, 0, 4 * n, gx)
    EK_GATE_PRODUCT(EK_R, EK_R_SUM, operand, r, n, r_bias, r_mult, r_shift, 0, 4 * n, gh)
    for (int32_t j = 0; j < n; j++) { /* f is 1 - sigmoid(-gate) */
        forget[j] = ek_saturate_s16(-ek_saturate_s16(forget[j] + gh[2 * n + j]));
        gh[2 * n + j] = 0;
    }
    ek_gate(sigmoid, in, gh, 3 * n);
    ek_gate(tanh_, candidate, gh + 3 * n, n);
    for (int32_t j = 0; j < n; j++) {
        const int64_t keep = 32768 - forget[j];
        const int64_t sum = keep * c[j] * ((int64_t)1 << up) + in[j] * candidate[j] * step;
        c[j] = (int32_t)ek_clamp64((sum + ((int64_t)1 << (shift - 1))) >> shift, INT32_MIN, INT32_MAX);
        h[j] = ek_cell_q11(c[j], c_bits);
    }
    ek_lut_row_s16(h, tanh_, h, n);
    for (int32_t j = 0; j < n; j++) {
        h[j] = ek_product_q15(out[j], h[j]);
    }
}
