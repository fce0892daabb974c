/* Outputs of sums by WebAssembly, four at once, where every shift is 35 or more: the upper half of the product, and of that
 * times 2^(65 - shift), is the product moved down but for a last bit, by which it is rounded. A vector has one shift for
 * all lanes; that power of two is made of the exponents of floats. */
#include "ek_outputs_each.h"
#include "ek_lanes.h"

/* Whether all of four shifts are 35..62. */
static inline int ek_shifts_fit(ek_i shift)
{
    return wasm_i32x4_all_true(wasm_u32x4_le(ek_i_sub(shift, ek_i_all(35)), ek_i_all(27)));
}

static inline ek_i ek_four_outputs(ek_i acc, ek_i mult, ek_i shift, int32_t y_zero, int32_t y_min, int32_t y_max)
{
    const ek_i exponents = wasm_i32x4_shl(ek_i_sub(ek_i_all(127 + 65), shift), 23);
    const ek_i moved = ek_i_high(ek_i_high(acc, mult), wasm_i32x4_trunc_sat_f32x4(exponents));
    const ek_i y = wasm_i32x4_shr(ek_i_add(moved, ek_i_all(1)), 1);
    return ek_i_clamp(ek_i_add(y, ek_i_all(y_zero)), ek_i_all(y_min), ek_i_all(y_max));
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS_S32(name, y_type, store)                                                                      \
    static inline void name(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,       \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        int32_t j = 0;                                                                                           \
        for (; j + 4 <= n; j += 4) {                                                                             \
            const ek_i bytes = wasm_v128_load32_zero(shift + j);                                                 \
            const ek_i s = wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(bytes));                      \
            const ek_i sums = wasm_v128_load(acc + j), factors = wasm_v128_load(mult + j);                       \
            if (ek_shifts_fit(s)) {                                                                              \
                store(y + j, ek_four_outputs(sums, factors, s, y_zero, y_min, y_max), 4);                        \
                continue;                                                                                        \
            }                                                                                                    \
            for (int32_t i = j; i < j + 4; i++) {                                                                \
                y[i] = (y_type)ek_output(acc[i], mult[i], shift[i], y_zero, y_min, y_max);                       \
            }                                                                                                    \
        }                                                                                                        \
        for (; j < n; j++) {                                                                                     \
            y[j] = (y_type)ek_output(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                           \
        }                                                                                                        \
    }
EK_OUTPUTS_S32(ek_outputs_s32_s8, int8_t, ek_i_store_s8)
EK_OUTPUTS_S32(ek_outputs_s32_s16, int16_t, ek_i_store_s16)

/* Copy sums of 4 or 8 bytes: few ones, for which a call takes longer. */
static inline void ek_copy_sums(void *to, const void *from, size_t bytes)
{
    size_t at = 0;
    for (; at + 16 <= bytes; at += 16) {
        wasm_v128_store((char *)to + at, wasm_v128_load((const char *)from + at));
    }
    for (; at < bytes; at += 4) {
        memcpy((char *)to + at, (const char *)from + at, 4);
    }
}
#define EK_COPY_SUMS ek_copy_sums
