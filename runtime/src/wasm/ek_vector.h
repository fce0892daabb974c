/* Vectors of WebAssembly. A product and a sum are rounded apart: it has no fused form that every engine gives. */
#ifndef EK_VECTOR_GUARD
#define EK_VECTOR_GUARD

#include "ek_wasm.h"

#define EK_LANES 4
#define EK_TILE_ROWS 4 /* of so many vectors each: their sums stay in registers */
#define EK_TILE_VECTORS 2
#define EK_ALL_IN 0xfu
typedef v128_t ek_v;

static inline ek_v ek_v_zero(void)
{
    return wasm_f32x4_const_splat(0.0f);
}

static inline ek_v ek_v_all(float x)
{
    return wasm_f32x4_splat(x);
}

static inline ek_v ek_v_load(const float *x)
{
    return wasm_v128_load(x);
}

/* Lanes from..to-1 of every step'th float; the other lanes are 0, and are not read. */
static inline ek_v ek_v_load_lanes(const float *x, int32_t from, int32_t to, int32_t step)
{
    float lanes[EK_LANES] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int32_t i = from > 0 ? from : 0; i < EK_LANES && i < to; i++) {
        lanes[i] = x[i * step];
    }
    return wasm_v128_load(lanes);
}

/* The first n; the other lanes are 0. */
static inline ek_v ek_v_load_some(const float *x, int32_t n)
{
    return n >= EK_LANES ? wasm_v128_load(x) : ek_v_load_lanes(x, 0, n, 1);
}

/* Lanes from..to-1 of x; the other lanes are 0, and are not read. */
static inline ek_v ek_v_load_range(const float *x, int32_t from, int32_t to)
{
    return from <= 0 ? ek_v_load_some(x, to) : ek_v_load_lanes(x, from, to, 1);
}

/* Every second of 2 * EK_LANES - 1 floats. */
static inline ek_v ek_v_load_even(const float *x)
{
    return wasm_i32x4_shuffle(wasm_v128_load(x), wasm_v128_load(x + 3), 0, 2, 5, 7);
}

/* The same, of lanes from..to-1; the other lanes are 0, and are not read. */
static inline ek_v ek_v_load_even_range(const float *x, int32_t from, int32_t to)
{
    return from <= 0 && to >= EK_LANES ? ek_v_load_even(x) : ek_v_load_lanes(x, from, to, 2);
}

/* Lanes of such loads. */
typedef struct {
    int32_t from, to;
} ek_range;

static inline ek_range ek_range_of(int32_t from, int32_t to)
{
    const ek_range in = {from, to};
    return in;
}

static inline ek_range ek_even_range_of(int32_t from, int32_t to)
{
    return ek_range_of(from, to);
}

static inline ek_v ek_v_load_in(const float *x, ek_range in)
{
    return ek_v_load_range(x, in.from, in.to);
}

static inline ek_v ek_v_load_even_in(const float *x, ek_range in)
{
    return ek_v_load_even_range(x, in.from, in.to);
}

static inline void ek_v_store(float *x, ek_v v)
{
    wasm_v128_store(x, v);
}

static inline void ek_v_store_some(float *x, ek_v v, int32_t n)
{
    float lanes[EK_LANES];
    if (n >= EK_LANES) {
        wasm_v128_store(x, v);
        return;
    }
    wasm_v128_store(lanes, v);
    for (int32_t i = 0; i < n; i++) {
        x[i] = lanes[i];
    }
}

/* The lanes that are in, from x on; the others are 0. */
static inline ek_v ek_v_load_spread(const float *x, uint32_t in)
{
    float lanes[EK_LANES];
    if (in == EK_ALL_IN) {
        return ek_v_load(x);
    }
    for (int32_t j = 0; j < EK_LANES; j++) {
        lanes[j] = in >> j & 1 ? *x++ : 0.0f;
    }
    return ek_v_load(lanes);
}

/* The lanes that are in, side by side. */
static inline void ek_v_store_packed(float *x, ek_v v, uint32_t in)
{
    float lanes[EK_LANES];
    if (in == EK_ALL_IN) {
        ek_v_store(x, v);
        return;
    }
    ek_v_store(lanes, v);
    for (int32_t j = 0; j < EK_LANES; j++) {
        if (in >> j & 1) {
            *x++ = lanes[j];
        }
    }
}

static inline ek_v ek_v_add(ek_v a, ek_v b)
{
    return wasm_f32x4_add(a, b);
}

/* What is above 0; 0 where nothing is, or no number. */
static inline ek_v ek_v_relu(ek_v a)
{
    return wasm_v128_and(a, wasm_f32x4_gt(a, ek_v_zero()));
}

static inline ek_v ek_v_mul(ek_v a, ek_v b)
{
    return wasm_f32x4_mul(a, b);
}

/* What is below `low` or above `high` becomes that; what is no number stays. */
static inline ek_v ek_v_clip(ek_v a, ek_v low, ek_v high)
{
    return wasm_f32x4_min(wasm_f32x4_max(a, low), high);
}

static inline ek_v ek_v_div(ek_v a, ek_v b)
{
    return wasm_f32x4_div(a, b);
}

static inline ek_v ek_v_sqrt(ek_v a)
{
    return wasm_f32x4_sqrt(a);
}

/* 2^n of v = n + 1.5 * 2^23, n within 126 of 0. */
static inline ek_v ek_v_pow2(ek_v v)
{
    return wasm_i32x4_add(wasm_i32x4_shl(v, 23), wasm_i32x4_splat(127 << 23));
}

/* a * b + c. */
static inline ek_v ek_v_fma(ek_v a, ek_v b, ek_v c)
{
    return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
}

#endif
