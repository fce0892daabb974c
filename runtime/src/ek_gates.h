/* What the integer recurrent cells share. */
#include "ek_dot.h"

/* Product of two numbers of which one has scale 2^-15, rounded to the scale of the other. */
static inline int16_t ek_product_q15(int16_t a, int16_t b)
{
    return ek_saturate_s16((a * b + (1 << 14)) >> 15);
}

/* y [from..to) = pre-activations of rows from..to of a product, summed in an array of type sum. */
#define EK_GATE_PRODUCT(sum, dots, x, w, k, bias, mult, shift, from, to, y)                                       \
    for (int32_t o = (from); o < (to); o += EK_ROWS) {                                                           \
        sum acc[EK_ROWS];                                                                                        \
        const int32_t count = (to)-o < EK_ROWS ? (to)-o : EK_ROWS;                                               \
        memcpy(acc, (bias) + o, (size_t)count * sizeof(acc[0]));                                                 \
        dots((x), 0, (w) + (ptrdiff_t)o * (k), (k), (k), count, acc);                                            \
        for (int32_t j = 0; j < count; j++) {                                                                    \
            (y)[o + j] = (int16_t)ek_output(acc[j], (mult)[o + j], (shift)[o + j], 0, -32768, 32767);            \
        }                                                                                                        \
    }

static inline int16_t ek_gate(const int16_t *table, int16_t a, int16_t b)
{
    return ek_lut_s16_at(table, ek_saturate_s16(a + b));
}

/* c of scale 2^-bits as an operand of the gates' tanh: scale 2^-11, saturating. */
static inline int16_t ek_cell_q11(int32_t c, int32_t bits)
{
    const int32_t down = bits - 11;
    const int64_t q = down > 0 ? (c + ((int64_t)1 << (down - 1))) >> down : c * ((int64_t)1 << -down);
    return (int16_t)ek_clamp64(q, -32768, 32767);
}
