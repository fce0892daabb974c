/* int4 weights: two to a byte, low nibble first, each row from a whole byte on. Private to runtime/src. */
#ifndef EK_INT4_GUARD
#define EK_INT4_GUARD

#include "edgekit.h"

#define EK_BYTES_W4(k) (((ptrdiff_t)(k) + 1) / 2) /* of one row of k taps */
#ifndef EK_ROW_BYTES_W4                           /* rows that are multiplied are not packed */
#define EK_ROW_BYTES_W4(k) EK_BYTES_W4(k)
#define EK_PACKED_W4(n) (n)
#endif
#define EK_INT4_PIECE 2048                        /* as many products of 65536 * 8 fit int32 */

static inline int8_t ek_int4_low(int8_t pair)
{
    return (int8_t)((int8_t)(uint8_t)((uint8_t)pair << 4) >> 4);
}

static inline int8_t ek_int4_high(int8_t pair)
{
    return (int8_t)(pair >> 4);
}

/* Weight i of a row. */
static inline int8_t ek_int4(const int8_t *w, ptrdiff_t i)
{
    return i & 1 ? ek_int4_high(w[i >> 1]) : ek_int4_low(w[i >> 1]);
}

/* name: acc [rows] += (x [k] - zero) . w [rows][k], rows of `stride` weights. */
#define EK_INT4_DOTS(name, x_type, acc_type)                                                                     \
    static inline void name(const x_type *restrict x, int32_t zero, const int8_t *restrict w, ptrdiff_t stride,  \
                            int32_t k, int32_t rows, acc_type *restrict acc)                                     \
    {                                                                                                            \
        for (int32_t row = 0; row < rows; row++) {                                                               \
            const int8_t *const wr = w + row * EK_BYTES_W4(stride);                                              \
            for (int32_t at = 0; at < k; at += EK_INT4_PIECE) {                                                  \
                const int32_t end = k - at < EK_INT4_PIECE ? k : at + EK_INT4_PIECE;                             \
                int32_t part = 0;                                                                                \
                for (int32_t i = at; i + 1 < end; i += 2) {                                                      \
                    part += (x[i] - zero) * ek_int4_low(wr[i / 2]) + (x[i + 1] - zero) * ek_int4_high(wr[i / 2]); \
                }                                                                                                \
                if (end % 2 == 1) {                                                                              \
                    part += (x[end - 1] - zero) * ek_int4_low(wr[end / 2]);                                      \
                }                                                                                                \
                acc[row] += part;                                                                                \
            }                                                                                                    \
        }                                                                                                        \
    }
EK_INT4_DOTS(ek_dots_s8_w4, int8_t, int32_t)
EK_INT4_DOTS(ek_dots_s16_w4, int16_t, int64_t)

#endif
