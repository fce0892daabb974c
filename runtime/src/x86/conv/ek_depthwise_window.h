/* Depthwise float convolution over ek_vector.h with kernels of 1, 3, 5, 7 or 9 rows: each row of x is loaded once for all
 * rows of y that take it, whose sums are under way in registers. A row is read where it lies if a tile of columns needs
 * no padding and the stride along it is 1; else it is laid out with its padding, even columns before odd ones. */
#include "ek_conv_shape.h"
#include "ek_epilogue_lanes.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_DEPTHWISE_WIDEST 32  /* kernel */
#define EK_DEPTHWISE_REACH 96   /* columns of x behind the first of a window */
#define EK_DEPTHWISE_VECTORS 8  /* of columns at once */
#define EK_DEPTHWISE_NARROW 6   /* picture; in one that is less wide too many lanes are idle */
#define EK_DEPTHWISE_PARTS ((EK_DEPTHWISE_REACH + EK_LANES - 1) / EK_LANES + EK_DEPTHWISE_VECTORS)

/* n columns of one channel: rows top, top + step, .. of x become rows of y that are y_row apart. A row is laid out in
 * `parts` vectors, with strides of 2 in as many of even columns and of odd ones. */
typedef struct {
    const float *x, *w;
    const ek_bounds *bounds;
    float *y;
    ptrdiff_t y_row;
    float start;
    int32_t n, top, step, rows, in_h, in_w, k_w, stride_w, parts, in_place, base;
    int32_t offset[EK_DEPTHWISE_WIDEST];  /* of taps in a row */
    ek_range inside[2 * EK_DEPTHWISE_PARTS]; /* of vectors of x from `base` on */
} ek_depthwise;

/* Where row iy lies, or is laid out to. */
EK_INLINE const float *ek_depthwise_row(const ek_depthwise *d, int32_t iy, float *room)
{
    const float *const row = d->x + (ptrdiff_t)iy * d->in_w;
    if (iy < 0 || iy >= d->in_h) {
        return NULL;
    }
    if (d->in_place) {
        return row + d->base;
    }
    for (int32_t i = 0; i < d->parts && d->stride_w == 1; i++) {
        ek_v_store(room + i * EK_LANES, ek_v_load_in(row + d->base + i * EK_LANES, d->inside[i]));
    }
    for (int32_t i = 0; i < d->parts && d->stride_w == 2; i++) {
        const float *const from = row + d->base + 2 * i * EK_LANES;
        const ek_v first = ek_v_load_in(from, d->inside[2 * i]);
        const ek_v second = ek_v_load_in(from + EK_LANES, d->inside[2 * i + 1]);
        ek_v_store(room + i * EK_LANES, ek_v_even(first, second));
        ek_v_store(room + (d->parts + i) * EK_LANES, ek_v_odd(first, second));
    }
    return room;
}

EK_INLINE void ek_depthwise_store(const ek_depthwise *d, int32_t oy, const ek_v *sums, int32_t vectors)
{
    float *const to = d->y + oy * d->y_row;
    for (int32_t v = 0; v < vectors; v++) {
        ek_v_store_some(to + v * EK_LANES, ek_bounded(sums[v], d->bounds), ek_max(d->n - v * EK_LANES, 0));
    }
}

/* sums [..][vectors] += a row of x times every `stride`th row of the kernel from number `phase` on. */
EK_INLINE void ek_depthwise_add(const ek_depthwise *d, const float *row, ek_v *sums, int32_t vectors, int32_t k_h,
                                int32_t stride, int32_t phase)
{
    const int32_t k_w = d->k_w;
    const float *const w = d->w + phase * k_w;
    ek_v taken[EK_DEPTHWISE_VECTORS];
    for (int32_t kx = 0; kx < k_w && row; kx++) {
        const float *const at = row + d->offset[kx];
        for (int32_t v = 0; v < vectors; v++) {
            taken[v] = ek_v_load(at + v * EK_LANES);
        }
        for (int32_t j = 0; j * stride + phase < k_h; j++) {
            const ek_v tap = ek_v_all(w[j * stride * k_w + kx]);
            for (int32_t v = 0; v < vectors; v++) {
                sums[j * vectors + v] = ek_v_fma(tap, taken[v], sums[j * vectors + v]);
            }
        }
    }
}

/* All rows by a kernel of k_h rows. A row of x is laid out while sums are taken from the one before. */
EK_INLINE void ek_depthwise_window(const ek_depthwise *d, int32_t vectors, int32_t k_h, int32_t stride)
{
    const int32_t deep = (k_h + stride - 1) / stride;
    const ek_v start = ek_v_all(d->start);
    float room[2][(2 * EK_DEPTHWISE_PARTS + EK_DEPTHWISE_VECTORS) * EK_LANES];
    ek_v sums[18];
    const int32_t laid = d->stride_w * d->parts;
    const float *next;
    int32_t iy = d->top, turn = 1;
    for (int32_t i = 0; i < vectors && !d->in_place; i++) { /* lanes of no output read behind the row */
        ek_v_store(room[0] + (laid + i) * EK_LANES, ek_v_zero());
        ek_v_store(room[1] + (laid + i) * EK_LANES, ek_v_zero());
    }
    next = ek_depthwise_row(d, d->top, room[0]);
    for (int32_t i = 0; i < deep * vectors; i++) {
        sums[i] = start;
    }
    for (int32_t t = 0; t < d->rows + deep - 1; t++) { /* sums [j] are those of row t - j of y */
        const float *row = next;
        iy += d->step;
        next = ek_depthwise_row(d, iy, room[turn]);
        ek_depthwise_add(d, row, sums, vectors, k_h, stride, 0);
        turn ^= 1;
        if (stride == 2) { /* rows apart, so that sums stay in registers */
            row = next;
            iy += d->step;
            next = ek_depthwise_row(d, iy, room[turn]);
            ek_depthwise_add(d, row, sums, vectors, k_h, stride, 1);
            turn ^= 1;
        }
        if (t >= deep - 1) {
            ek_depthwise_store(d, t - deep + 1, sums + (deep - 1) * vectors, vectors);
        }
        for (int32_t i = deep * vectors - 1; i >= vectors; i--) {
            sums[i] = sums[i - vectors];
        }
        for (int32_t v = 0; v < vectors; v++) {
            sums[v] = start;
        }
    }
}

#define EK_DEPTHWISE_KERNEL(k_h, vectors)                                                                       \
    static __attribute__((noinline)) void ek_depthwise_##k_h##_##vectors(const ek_depthwise *d, int32_t stride) \
    {                                                                                                           \
        if (stride == 1 || k_h == 1) {                                                                          \
            ek_depthwise_window(d, vectors, k_h, 1);                                                            \
        } else {                                                                                                \
            ek_depthwise_window(d, vectors, k_h, 2);                                                            \
        }                                                                                                       \
    }
EK_DEPTHWISE_KERNEL(1, 1)
EK_DEPTHWISE_KERNEL(1, 2)
EK_DEPTHWISE_KERNEL(1, 4)
EK_DEPTHWISE_KERNEL(1, 8)
EK_DEPTHWISE_KERNEL(3, 1)
EK_DEPTHWISE_KERNEL(3, 2)
EK_DEPTHWISE_KERNEL(5, 1)
EK_DEPTHWISE_KERNEL(5, 2)
EK_DEPTHWISE_KERNEL(7, 1)
EK_DEPTHWISE_KERNEL(7, 2)
EK_DEPTHWISE_KERNEL(9, 1)
EK_DEPTHWISE_KERNEL(9, 2)

/* Some vectors of columns of one channel. */
static void ek_depthwise_columns(const ek_depthwise *d, int32_t vectors, int32_t k_h, int32_t stride)
{
    switch (10 * k_h + vectors) {
    case 11: ek_depthwise_1_1(d, stride); break;
    case 12: ek_depthwise_1_2(d, stride); break;
    case 14: ek_depthwise_1_4(d, stride); break;
    case 18: ek_depthwise_1_8(d, stride); break;
    case 31: ek_depthwise_3_1(d, stride); break;
    case 32: ek_depthwise_3_2(d, stride); break;
    case 51: ek_depthwise_5_1(d, stride); break;
    case 52: ek_depthwise_5_2(d, stride); break;
    case 71: ek_depthwise_7_1(d, stride); break;
    case 72: ek_depthwise_7_2(d, stride); break;
    case 91: ek_depthwise_9_1(d, stride); break;
    default: ek_depthwise_9_2(d, stride); break;
    }
}

/* How rows lie for the tile of n columns from ox on, in `vectors` vectors. */
static inline void ek_depthwise_lay(const ek_conv_shape *s, int32_t ox, int32_t vectors, ek_depthwise *d)
{
    const int32_t stride = s->stride_w, reach = (s->k_w - 1) * s->dil_w;
    d->n = ek_min(s->out_w - ox, vectors * EK_LANES);
    d->base = ox * stride - s->pad_left;
    d->in_place = stride == 1 && d->base >= 0 && d->base + reach + vectors * EK_LANES <= s->in_w;
    d->parts = (d->n - 1 + reach / stride) / EK_LANES + 1;
    for (int32_t i = 0, at = d->base; i < stride * d->parts && !d->in_place; i++, at += EK_LANES) {
        d->inside[i] = ek_range_of(ek_min(ek_max(-at, 0), EK_LANES), ek_max(ek_min(s->in_w - at, EK_LANES), 0));
    }
    for (int32_t kx = 0; kx < s->k_w; kx++) {
        const int32_t right = kx * s->dil_w;
        d->offset[kx] = stride == 1 ? right : right % 2 * d->parts * EK_LANES + right / 2;
    }
}

/* Returns 0 where the kernel or its strides are others, and does nothing then. */
static int ek_depthwise_windows(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                                const ek_conv_shape *s)
{
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w, x_plane = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t per_group = s->out_c / s->groups, deep = (s->k_h + s->stride_h - 1) / s->stride_h;
    const int32_t line = s->k_h == 1, most = line ? EK_DEPTHWISE_VECTORS : 2 * deep <= EK_TILE_ROWS * EK_TILE_VECTORS ? 2 : 1;
    const int32_t apart = line ? 1 : s->dil_h; /* rows of y that share rows of x */
    ek_depthwise d;
    if (s->k_h % 2 == 0 || s->k_h > 9 || s->k_w > EK_DEPTHWISE_WIDEST || s->stride_w > 2
        || (s->k_w - 1) * s->dil_w > EK_DEPTHWISE_REACH || s->out_w < EK_DEPTHWISE_NARROW
        || (!line && (s->stride_h > 2 || (s->stride_h == 2 && s->dil_h > 1)))) {
        return 0;
    }
    d.y_row = (ptrdiff_t)apart * s->out_w;
    d.bounds = bounds;
    d.step = line ? s->stride_h : s->dil_h;
    d.in_h = s->in_h;
    d.in_w = s->in_w;
    d.k_w = s->k_w;
    d.stride_w = s->stride_w;
    for (int32_t o = 0; o < s->out_c; o++) {
        d.x = x + (per_group == 1 ? o : o / per_group) * x_plane;
        d.w = w + (ptrdiff_t)o * s->k_h * s->k_w;
        d.start = bias ? bias[o] : 0.0f;
        for (int32_t ox = 0, vectors; ox < s->out_w; ox += vectors * EK_LANES) {
            const int32_t left = (s->out_w - ox + EK_LANES - 1) / EK_LANES;
            vectors = ek_min(most, line && left > 4 ? 8 : line && left > 2 ? 4 : left > 1 ? 2 : 1);
            if (o == 0 || ox > 0 || d.n < s->out_w) {
                ek_depthwise_lay(s, ox, vectors, &d);
            }
            for (int32_t q = 0; q < ek_min(apart, s->out_h); q++) {
                d.y = y + o * plane + (ptrdiff_t)q * s->out_w + ox;
                d.top = q - s->pad_top;
                d.rows = (s->out_h - q + apart - 1) / apart;
                ek_depthwise_columns(&d, vectors, s->k_h, s->stride_h);
            }
        }
    }
    return 1;
}
