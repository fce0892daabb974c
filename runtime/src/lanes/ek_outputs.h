/* Outputs of int32 sums, and tables, over ek_lanes.h. A shift below 33 moves the sum up instead, which first saturates
 * where the output does: |mult| is 2^20 or more, or 0. See ek_scale.h for the rounding. */
#ifndef EK_OUTPUTS_GUARD
#define EK_OUTPUTS_GUARD

#include "ek_lanes.h"

/* Requantized sums, each with its own factor; shift in 1..62. */
static inline ek_i ek_i_requantize(ek_i acc, ek_i mult, ek_i shift)
{
    const ek_i none = ek_i_all(0), one = ek_i_all(1), behind = ek_i_sub(shift, ek_i_all(33));
    if (!ek_i_any_negative(behind)) {
        return ek_i_shr(ek_i_add(ek_i_high(acc, mult), ek_i_shl(one, behind)), ek_i_add(behind, one));
    }
    const ek_i up = ek_i_clamp(ek_i_sub(ek_i_all(33), shift), none, ek_i_all(30));
    const ek_i down = ek_i_clamp(behind, none, ek_i_all(31));
    const ek_i most = ek_i_shr(ek_i_all(INT32_MAX), up), least = ek_i_sub(ek_i_all(-1), most);
    const ek_i sum = ek_i_shl(ek_i_clamp(acc, least, most), up);
    const ek_i half = ek_i_shl(one, down);
    return ek_i_shr(ek_i_add(ek_i_high(sum, mult), half), ek_i_add(down, one));
}

/* Requantized sums with one factor and a shift of 33 or more. */
static inline ek_i ek_i_requantize_down(ek_i acc, int32_t mult, int32_t shift)
{
    const ek_i half = ek_i_all((int32_t)1 << (shift - 33));
    return ek_i_shr(ek_i_add(ek_i_high(acc, ek_i_all(mult)), half), ek_i_all(shift - 32));
}

/* Requantized sums with one factor. */
static inline ek_i ek_i_requantize_all(ek_i acc, int32_t mult, int32_t shift)
{
    return shift >= 33 ? ek_i_requantize_down(acc, mult, shift)
                       : ek_i_requantize(acc, ek_i_all(mult), ek_i_all(shift));
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS_S32(name, y_type, store)                                                                      \
    static inline void name(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,       \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        const ek_i zero = ek_i_all(y_zero), low = ek_i_all(y_min), high = ek_i_all(y_max);                       \
        for (int32_t j = 0; j < n; j += EK_WIDTH) {                                                              \
            const ek_i m = ek_i_load_s32(mult + j, n - j), s = ek_i_load_u8(shift + j, n - j);                   \
            const ek_i q = ek_i_requantize(ek_i_load_s32(acc + j, n - j), m, s);                                 \
            store(y + j, ek_i_clamp(ek_i_add(q, zero), low, high), n - j);                                       \
        }                                                                                                        \
    }
EK_OUTPUTS_S32(ek_outputs_s32_s8, int8_t, ek_i_store_s8)
EK_OUTPUTS_S32(ek_outputs_s32_s16, int16_t, ek_i_store_s16)

/* Copy sums of 4 or 8 bytes: short ones mostly, for which a call takes longer. */
static inline void ek_copy_sums(void *to, const void *from, size_t bytes)
{
    const int32_t words = (int32_t)(bytes / 4);
    for (int32_t j = 0; j < words; j += EK_WIDTH) {
        const ek_i v = ek_i_load_s32((const int32_t *)from + j, words - j);
        if (words - j >= EK_WIDTH) {
            ek_i_store_s32((int32_t *)to + j, v);
        } else {
            ek_i_store_first_s32((int32_t *)to + j, v, words - j);
        }
    }
}
#define EK_COPY_SUMS ek_copy_sums

static inline ek_i ek_i_saturate16(ek_i v)
{
    return ek_i_clamp(v, ek_i_all(-32768), ek_i_all(32767));
}

/* products * 2^-15 rounded, as int16. */
static inline ek_i ek_i_q15(ek_i products)
{
    return ek_i_saturate16(ek_i_shr(ek_i_add(products, ek_i_all(1 << 14)), ek_i_all(15)));
}

/* Table values between the entries of each pair, the lower 6 bits of u behind the first: 64 - part of it and part of the
 * second, over 64; see ek_lut_s16_at. */
static inline ek_i ek_i_between(ek_i pair, ek_i u)
{
    const ek_i part = ek_i_and(u, ek_i_all(63)), rest = ek_i_sub(ek_i_all(64), part);
    return ek_i_shr(ek_i_dot_words(ek_i_all(32), pair, ek_i_add(rest, ek_i_shl(part, ek_i_all(16)))), ek_i_all(6));
}

/* x as the table's values. One gathered word holds two entries. */
static inline ek_i ek_i_lut_s16(ek_i x, const int16_t *table)
{
    const ek_i u = ek_i_add(x, ek_i_all(32768));
    return ek_i_between(ek_i_gather_pairs(table, ek_i_shr(u, ek_i_all(6))), u);
}

#define EK_LUT_AT 128 /* indices at once, stored a while before they are loaded */

/* y [n] = the table's values at x [n]; y may be x. */
static inline void ek_lut_row_s16(const int16_t *x, const int16_t *table, int16_t *y, int32_t n)
{
    int32_t at[EK_LUT_AT];
    for (; n > 0; n -= EK_LUT_AT, x += EK_LUT_AT, y += EK_LUT_AT) {
        const int32_t count = n < EK_LUT_AT ? n : EK_LUT_AT;
        for (int32_t j = 0; j < count; j += EK_WIDTH) {
            const ek_i u = ek_i_add(ek_i_load_s16(x + j, count - j), ek_i_all(32768));
            ek_i_store_s32(at + j, ek_i_shr(u, ek_i_all(6)));
        }
        for (int32_t j = 0; j < count; j += EK_WIDTH) {
            const ek_i u = ek_i_add(ek_i_load_s16(x + j, count - j), ek_i_all(32768));
            ek_i_store_s16(y + j, ek_i_between(ek_i_load_pairs(table, at + j), u), count - j);
        }
    }
}

#endif
