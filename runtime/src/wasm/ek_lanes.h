/* Vectors of 4 int32 of WebAssembly. */
#ifndef EK_LANES_GUARD
#define EK_LANES_GUARD

#include "ek_wasm.h"

#define EK_WIDTH 4
typedef v128_t ek_i;

static inline ek_i ek_i_all(int32_t v)
{
    return wasm_i32x4_splat(v);
}

/* The first n of x; the other lanes are 0, and are not read. */
static inline ek_i ek_i_load_s8(const int8_t *x, int32_t n)
{
    int8_t few[4] = {0};
    int32_t word;
    if (n >= 4) {
        memcpy(&word, x, 4);
    } else {
        for (int32_t i = 0; i < n; i++) {
            few[i] = x[i];
        }
        memcpy(&word, few, 4);
    }
    return wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_i32x4_splat(word)));
}

static inline ek_i ek_i_load_s16(const int16_t *x, int32_t n)
{
    int16_t few[4] = {0};
    if (n >= 4) {
        return wasm_i32x4_load16x4(x);
    }
    for (int32_t i = 0; i < n; i++) {
        few[i] = x[i];
    }
    return wasm_i32x4_load16x4(few);
}

static inline ek_i ek_i_load_s32(const int32_t *x, int32_t n)
{
    int32_t few[4] = {0};
    if (n >= 4) {
        return wasm_v128_load(x);
    }
    for (int32_t i = 0; i < n; i++) {
        few[i] = x[i];
    }
    return wasm_v128_load(few);
}

/* The first n lanes, which the type holds. */
static inline void ek_i_store_s16(int16_t *y, ek_i v, int32_t n)
{
    const v128_t q = wasm_i16x8_narrow_i32x4(v, v);
    int16_t few[4];
    if (n >= 4) {
        wasm_v128_store64_lane(y, q, 0);
        return;
    }
    wasm_v128_store64_lane(few, q, 0);
    for (int32_t i = 0; i < n; i++) {
        y[i] = few[i];
    }
}

static inline void ek_i_store_s8(int8_t *y, ek_i v, int32_t n)
{
    const v128_t half = wasm_i16x8_narrow_i32x4(v, v), q = wasm_i8x16_narrow_i16x8(half, half);
    int8_t few[4];
    if (n >= 4) {
        wasm_v128_store32_lane(y, q, 0);
        return;
    }
    wasm_v128_store32_lane(few, q, 0);
    for (int32_t i = 0; i < n; i++) {
        y[i] = few[i];
    }
}

static inline ek_i ek_i_add(ek_i a, ek_i b)
{
    return wasm_i32x4_add(a, b);
}

static inline ek_i ek_i_sub(ek_i a, ek_i b)
{
    return wasm_i32x4_sub(a, b);
}

static inline ek_i ek_i_mul(ek_i a, ek_i b)
{
    return wasm_i32x4_mul(a, b);
}

/* by is the same in all lanes, 0..31. */
static inline ek_i ek_i_shl(ek_i v, ek_i by)
{
    return wasm_i32x4_shl(v, (uint32_t)wasm_i32x4_extract_lane(by, 0));
}

static inline ek_i ek_i_shr(ek_i v, ek_i by)
{
    return wasm_i32x4_shr(v, (uint32_t)wasm_i32x4_extract_lane(by, 0));
}

static inline ek_i ek_i_clamp(ek_i v, ek_i lo, ek_i hi)
{
    return wasm_i32x4_min(wasm_i32x4_max(v, lo), hi);
}

/* a where v < 0, else b. */
static inline ek_i ek_i_where_negative(ek_i v, ek_i a, ek_i b)
{
    return wasm_v128_bitselect(a, b, wasm_i32x4_shr(v, 31));
}

/* The upper halves of the 64-bit sums a * b, and a * b + c * d. */
static inline ek_i ek_i_high(ek_i a, ek_i b)
{
    return wasm_i32x4_shuffle(wasm_i64x2_extmul_low_i32x4(a, b), wasm_i64x2_extmul_high_i32x4(a, b), 1, 3, 5, 7);
}

static inline ek_i ek_i_high_of_two(ek_i a, ek_i b, ek_i c, ek_i d)
{
    const v128_t low = wasm_i64x2_add(wasm_i64x2_extmul_low_i32x4(a, b), wasm_i64x2_extmul_low_i32x4(c, d));
    const v128_t high = wasm_i64x2_add(wasm_i64x2_extmul_high_i32x4(a, b), wasm_i64x2_extmul_high_i32x4(c, d));
    return wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
}

#endif
