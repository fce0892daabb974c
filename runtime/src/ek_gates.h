/* What the integer recurrent cells share. */
#include "ek_rows_w4.h"
#include "ek_rows.h"

#ifndef EK_COPY_SUMS
#define EK_COPY_SUMS memcpy
#endif

/* Product of two numbers of which one has scale 2^-15, rounded to the scale of the other. */
static inline int16_t ek_product_q15(int16_t a, int16_t b)
{
    return ek_saturate_s16((a * b + (1 << 14)) >> 15);
}

/* y [from..to) = pre-activations of rows from..to of a product with an operand of `type` (S8 or S16, with _W4 for int4 weights), summed in an
 * array of type `sum`. A matrix that is taken in two steps is packed as two. */
#define EK_GATE_PRODUCT(type, sum, x, w, k, bias, mult, shift, from, to, y)                                       \
    EK_GATE_PRODUCT_OF(type, sum, x, w, k, bias, mult, shift, from, to, y)
#define EK_GATE_PRODUCT_OF(type, sum, x, w, k, bias, mult, shift, from, to, y)                                    \
    for (int32_t o = (from); o < (to); o += EK_ROWS) {                                                           \
        sum acc[EK_ROWS];                                                                                        \
        const int32_t count = (to)-o < EK_ROWS ? (to)-o : EK_ROWS;                                               \
        EK_COPY_SUMS(acc, (bias) + o, (size_t)count * sizeof(acc[0]));                                           \
        EK_ROWS_##type((x), EK_FROM_##type(w, from, o, k), (k), count, acc);                                     \
        EK_OUTPUTS_##type(acc, (mult) + o, (shift) + o, 0, -32768, 32767, (y) + o, count);                       \
    }
/* Where a kernel of rows finds row o, of those from `from` on: of sparse rows the head, and the row's number. */
#define EK_FROM_PACKED(w, from, o, bytes) (w) + (EK_PACKED(from) + (o) - (from)) * (bytes)
#define EK_FROM_S8(w, from, o, k) EK_FROM_PACKED(w, from, o, EK_BYTES_S8(k))
#define EK_FROM_S16(w, from, o, k) EK_FROM_PACKED(w, from, o, EK_BYTES_S16(k))
#define EK_FROM_S8_W4(w, from, o, k) (w) + (EK_PACKED_W4(from) + (o) - (from)) * EK_ROW_BYTES_W4(k)
#define EK_FROM_S16_W4(w, from, o, k) (w) + (EK_PACKED_W4(from) + (o) - (from)) * EK_ROW_BYTES_W4(k)
#define EK_FROM_S8_SPARSE(w, from, o, k) (w), EK_PACKED(from) + (o) - (from)
#define EK_FROM_S16_SPARSE(w, from, o, k) (w), EK_PACKED(from) + (o) - (from)
#define EK_ROWS_S8 ek_rows_s8
#define EK_ROWS_S16 ek_rows_s16
#define EK_OUTPUTS_S8 ek_outputs_s32_s16
#define EK_OUTPUTS_S16 ek_outputs_s64_s16
#define EK_ROWS_S8_W4 ek_rows_s8_w4
#define EK_ROWS_S16_W4 ek_rows_s16_w4
#define EK_OUTPUTS_S8_W4 ek_outputs_s32_s16
#define EK_OUTPUTS_S16_W4 ek_outputs_s64_s16
#define EK_ROWS_S8_SPARSE ek_sparse_s8
#define EK_ROWS_S16_SPARSE ek_sparse_s16
#define EK_OUTPUTS_S8_SPARSE ek_outputs_s32_s16
#define EK_OUTPUTS_S16_SPARSE ek_outputs_s64_s16

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
