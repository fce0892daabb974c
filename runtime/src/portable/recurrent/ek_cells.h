/* One step of one sequence in the integer recurrent cells, whose products are there, over EK_H and EK_NARROW. This is
 * the portable form; runtime/src/<isa>/ek_cells.h are others, with the same results. */
#include "ek_gates.h"

/* Product of two numbers of which one has scale 2^-15, rounded to the scale of the other. */
static inline int16_t ek_product_q15(int16_t a, int16_t b)
{
    return ek_saturate_s16((a * b + (1 << 14)) >> 15);
}

/* a [n] = the table's values at a + b. */
static inline void ek_gate(const int16_t *table, int16_t *restrict a, const int16_t *restrict b, int32_t n)
{
    for (int32_t j = 0; j < n; j++) {
        a[j] = ek_saturate_s16(a[j] + b[j]);
    }
    ek_lut_row_s16(a, table, a, n);
}

/* c of scale 2^-bits as an operand of the gates' tanh: scale 2^-11, saturating. */
static inline int16_t ek_cell_q11(int32_t c, int32_t bits)
{
    const int32_t down = bits - 11;
    const int64_t q = down > 0 ? (c + ((int64_t)1 << (down - 1))) >> down : c * ((int64_t)1 << -down);
    return (int16_t)ek_clamp64(q, -32768, 32767);
}

/* operand [n] = h as the recurrent product takes it. */
static inline void ek_operands(const int16_t *h, EK_H *operand, int32_t n)
{
    for (int32_t j = 0; j < n; j++) {
        operand[j] = EK_NARROW(h[j]);
    }
}

/* gx [2 units] = z and reset, of their pre-activations gx + gh. */
static inline void ek_gru_gates(int16_t *restrict gx, const int16_t *restrict gh, const int16_t *sigmoid, int32_t n)
{
    ek_gate(sigmoid, gx, gh, 2 * n);
}

/* operand [n] = reset * h. */
static inline void ek_gru_reset(const int16_t *restrict gx, const int16_t *restrict h, EK_H *restrict operand, int32_t n)
{
    for (int32_t j = 0; j < n; j++) {
        operand[j] = EK_NARROW(ek_product_q15(gx[n + j], h[j]));
    }
}

/* h [n] = the next state; gh [2 n..3 n) is still to be multiplied by reset where linear_before_reset says so. */
static inline void ek_gru_state(int16_t *restrict gx, int16_t *restrict gh, int16_t *restrict h, const int16_t *tanh_,
                                int32_t n, int32_t linear_before_reset)
{
    int16_t *const candidate = gx + 2 * n;
    for (int32_t j = 0; linear_before_reset && j < n; j++) {
        gh[2 * n + j] = ek_product_q15(gx[n + j], gh[2 * n + j]);
    }
    ek_gate(tanh_, candidate, gh + 2 * n, n);
    for (int32_t j = 0; j < n; j++) {
        h[j] = ek_saturate_s16(((32768 - gx[j]) * candidate[j] + gx[j] * h[j] + (1 << 14)) >> 15);
    }
}

/* h and c [n] = the next states, of pre-activations gx + gh [4 n]. */
static inline void ek_lstm_state(int16_t *restrict gx, int16_t *restrict gh, int16_t *restrict h, int32_t *restrict c,
                                 const int16_t *sigmoid, const int16_t *tanh_, int32_t n, int32_t c_bits)
{
    const int32_t up = c_bits < 15 ? 15 - c_bits : 0, shift = 15 + up;
    const int64_t step = (int64_t)1 << (c_bits > 15 ? c_bits - 15 : 0);
    int16_t *const in = gx, *const out = gx + n, *const forget = gx + 2 * n, *const candidate = gx + 3 * n;
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
