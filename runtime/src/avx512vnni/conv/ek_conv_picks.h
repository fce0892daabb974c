/* Convolution of few int8 inputs over EK_Y, depthwise ones among them: 16 output positions are lanes, and the bytes that
 * up to four neighbouring taps read are picked out of 64 bytes of x by two shuffles, alike for every channel. */
#include "ek_conv_shape.h"
#include "ek_rows.h"

#define EK_PICKS 16   /* of a channel of x */
#define EK_PICKED 48  /* of the channels of a group */
#define EK_MOST_TAPS 256

/* Where the four bytes of each lane come from: dwords of 64 bytes at `base`, and bytes of those; `flip` adds 128 to what
 * is inside of x, and is what taps outside are. */
typedef struct {
    __m512i dwords, bytes, flip;
    __mmask64 read;
    int32_t base;
} ek_pick;

/* n positions in a row; the lanes that are theirs; the first one's column, and its row, -1 where an edge is near. */
typedef struct {
    ek_pick picks[EK_PICKS];
    int32_t number[EK_PICKED]; /* of the first tap */
    int32_t count, n, column, row; /* count: picks of a channel */
    __mmask16 lanes;
} ek_tile;

/* The bytes of 64 that begin at `base` of a plane. */
static inline __mmask64 ek_readable(int32_t plane, int32_t base)
{
    return plane - base >= 64 ? ~0ull : (1ull << (plane - base)) - 1;
}

/* Where taps lie: of every lane up to four, those `used`, of which those `in` are inside, at number `at` of a plane. */
typedef struct {
    __m512i at[4];
    __mmask16 used[4], in[4];
} ek_tap_places;

/* How the taps of a group are picked; returns 0 where bytes lie too far apart. */
static int ek_pick_of(const ek_conv_shape *s, int8_t fill, const ek_tap_places *taps, ek_pick *to)
{
    const __m512i none = _mm512_set1_epi32(INT32_MAX);
    const __m512i outside = _mm512_set1_epi32((uint8_t)fill ^ 128), inside = _mm512_set1_epi32(128);
    __m512i least = none, start;
    __mmask16 far = 0;
    for (int32_t k = 0; k < 4; k++) {
        least = _mm512_mask_min_epi32(least, taps->in[k], least, taps->at[k]);
    }
    to->base = _mm512_reduce_min_epi32(least);
    to->base = to->base == INT32_MAX ? 0 : to->base;
    least = _mm512_min_epi32(least, _mm512_shuffle_epi32(least, _MM_PERM_CDAB));
    least = _mm512_min_epi32(least, _mm512_shuffle_epi32(least, _MM_PERM_BADC));
    start = _mm512_srli_epi32(_mm512_sub_epi32(least, _mm512_set1_epi32(to->base)), 2);
    start = _mm512_mask_mov_epi32(start, _mm512_cmpeq_epi32_mask(least, none), _mm512_setzero_si512());
    to->read = ek_readable(s->in_h * s->in_w, to->base);
    to->dwords = _mm512_add_epi32(start, _mm512_set4_epi32(3, 2, 1, 0));
    to->bytes = _mm512_setzero_si512();
    to->flip = _mm512_setzero_si512();
    for (int32_t k = 0; k < 4; k++) {
        const __m128i by = _mm_cvtsi32_si128(8 * k);
        const __mmask16 in = taps->in[k];
        const __m512i behind = _mm512_sub_epi32(taps->at[k], _mm512_set1_epi32(to->base));
        const __m512i byte = _mm512_mask_sub_epi32(inside, in, behind, _mm512_slli_epi32(start, 2));
        const __m512i flip = _mm512_mask_mov_epi32(_mm512_maskz_mov_epi32(taps->used[k], outside), in, inside);
        far |= _mm512_mask_cmpgt_epu32_mask(in, byte, _mm512_set1_epi32(15));
        far |= _mm512_mask_cmpgt_epu32_mask(in, behind, _mm512_set1_epi32(63));
        to->bytes = _mm512_or_si512(to->bytes, _mm512_sll_epi32(byte, by));
        to->flip = _mm512_or_si512(to->flip, _mm512_sll_epi32(flip, by));
    }
    return far == 0;
}

/* Taps (ky, kx).. , `length` of them, of lanes whose first tap is at (top, left). */
static int ek_pick_taps(const ek_conv_shape *s, int8_t fill, __m512i top, __m512i left, int32_t ky, int32_t kx,
                        int32_t length, ek_pick *to)
{
    const __m512i iy = _mm512_add_epi32(top, _mm512_set1_epi32(ky * s->dil_h));
    const __m512i row = _mm512_mullo_epi32(iy, _mm512_set1_epi32(s->in_w));
    const __mmask16 in_rows = _mm512_cmplt_epu32_mask(iy, _mm512_set1_epi32(s->in_h));
    ek_tap_places taps;
    for (int32_t k = 0; k < 4; k++) {
        const __m512i ix = _mm512_add_epi32(left, _mm512_set1_epi32((kx + k) * s->dil_w));
        taps.used[k] = k < length ? 0xffff : 0;
        taps.in[k] = taps.used[k] & in_rows & _mm512_cmplt_epu32_mask(ix, _mm512_set1_epi32(s->in_w));
        taps.at[k] = _mm512_add_epi32(row, ix);
    }
    return ek_pick_of(s, fill, &taps, to);
}

/* Lanes of positions first..: where the first tap of each is. Four neighbouring lanes are of one row if they are `apart`. */
static int32_t ek_lanes_of(const ek_conv_shape *s, int32_t first, int32_t apart, int32_t *top, int32_t *left, ek_tile *t)
{
    int32_t row = first / s->out_w, column = first % s->out_w, here = 1;
    t->lanes = 0;
    t->n = 0;
    for (int32_t j = 0; j < 16; j++) {
        here = row < s->out_h && (here || j % 4 == 0);
        top[j] = here ? row * s->stride_h - s->pad_top : top[j - 1];
        left[j] = here ? column * s->stride_w - s->pad_left : left[j - 1];
        if (here) {
            t->lanes |= (__mmask16)(1 << j);
            t->n++;
            if (++column == s->out_w) {
                column = 0;
                row++;
                here = !apart;
            }
        }
    }
    return column == 0 ? row - 1 : row;
}

/* The picks of positions first..; those of an earlier tile are moved where only the row differs. */
static int ek_tile_of(const ek_conv_shape *s, int8_t fill, int32_t first, ek_tile *t)
{
    const int32_t apart = s->stride_w > 1 && s->out_w % 4 != 0;
    int32_t top[16], left[16];
    const int32_t row = first / s->out_w, column = first % s->out_w, is_row = t->n == 16 && s->out_w % 16 == 0;
    const int32_t last = is_row ? row : ek_lanes_of(s, first, apart, top, left, t);
    const int32_t bottom = last * s->stride_h - s->pad_top + (s->k_h - 1) * s->dil_h;
    const int is_free = row * s->stride_h >= s->pad_top && bottom < s->in_h && first + 16 <= s->out_h * s->out_w;
    const int32_t down = is_free && t->row >= 0 && t->column == column ? row - t->row : 0;
    t->row = is_free ? row : -1;
    t->column = column;
    if (down != 0) {
        for (int32_t i = 0; i < t->count; i++) {
            t->picks[i].base += down * s->stride_h * s->in_w;
            t->picks[i].read = ek_readable(s->in_h * s->in_w, t->picks[i].base);
        }
        return 1;
    }
    if (is_row) {
        ek_lanes_of(s, first, apart, top, left, t);
    }
    t->count = 0;
    for (int32_t ky = 0; ky < s->k_h; ky++) {
        for (int32_t kx = 0; kx < s->k_w; kx += 4, t->count++) {
            if (!ek_pick_taps(s, fill, _mm512_loadu_si512(top), _mm512_loadu_si512(left), ky, kx,
                              ek_min(4, s->k_w - kx), t->picks + t->count)) {
                return 0;
            }
        }
    }
    return 1;
}

/* Four bytes of x for each lane. */
static inline __m512i ek_picked(const int8_t *x, const ek_pick *p)
{
    const __m512i dwords = _mm512_permutexvar_epi32(p->dwords, _mm512_maskz_loadu_epi8(p->read, x + p->base));
    return _mm512_xor_si512(_mm512_shuffle_epi8(dwords, p->bytes), p->flip);
}

static inline __m512i ek_four_weights(const int8_t *w)
{
    int32_t four;
    memcpy(&four, w, 4);
    return _mm512_set1_epi32(four);
}

/* What a call has in common; `last` are the weights of the last output, and room behind them. */
typedef struct {
    const int8_t *w, *last;
    const int32_t *bias, *mult;
    const uint8_t *shift;
    int32_t y_zero, y_min, y_max, taps, out_c;
    ptrdiff_t plane;
} ek_picked_layer;

/* n outputs in these lanes of sums with one factor. With shift >= 33, adding the zero point moves behind the rounding. */
static inline __attribute__((always_inline)) void ek_picked_store(ek_i acc, int32_t mult, int32_t shift,
                                                                  const ek_picked_layer *c, __mmask16 lanes,
                                                                  int32_t n, EK_Y *y)
{
    const ek_i m = ek_i_all(mult);
    ek_i q;
    if (shift >= 33) {
        const ek_i even = _mm512_mul_epi32(acc, m), odd = _mm512_mul_epi32(_mm512_srli_epi64(acc, 32), m);
        const ek_i high = _mm512_mask_shuffle_epi32(odd, 0x5555, even, (_MM_PERM_ENUM)0xf5);
        q = ek_i_shr(ek_i_add(ek_i_shr(high, ek_i_all(shift - 33)), ek_i_all(2 * c->y_zero + 1)), ek_i_all(1));
    } else {
        q = ek_i_add(ek_i_requantize(acc, m, ek_i_all(shift)), ek_i_all(c->y_zero));
    }
    if (lanes != ek_lanes(n)) {
        q = _mm512_maskz_compress_epi32(lanes, q);
    }
    if (sizeof(EK_Y) == 1) {
        const __m128i low = _mm_set1_epi8((char)c->y_min), top = _mm_set1_epi8((char)c->y_max);
        const __m128i v = _mm_min_epi8(_mm_max_epi8(_mm512_cvtsepi32_epi8(q), low), top);
        if (n == 16) {
            _mm_storeu_si128((__m128i *)(void *)y, v);
        } else {
            _mm_mask_storeu_epi8(y, ek_lanes(n), v);
        }
    } else {
        ek_i_store_s16((int16_t *)(void *)y, ek_i_clamp(q, ek_i_all(c->y_min), ek_i_all(c->y_max)), n);
    }
}

/* A tile's n outputs of channels o.., `rows` of them, from `count` picked vectors. */
static inline __attribute__((always_inline)) void ek_picked_outputs(const ek_picked_layer *c, const __m512i *x,
                                                                    const int32_t *number, int32_t count, int32_t o,
                                                                    int32_t rows, EK_Y *y, __mmask16 lanes, int32_t n)
{
    __m512i acc[4];
    const int8_t *w[4];
    for (int32_t r = 0; r < rows; r++) {
        acc[r] = _mm512_set1_epi32(c->bias[o + r]);
        w[r] = o + r + 1 == c->out_c ? c->last : c->w + (ptrdiff_t)(o + r) * c->taps;
    }
    for (int32_t i = 0; i < count; i++) {
        for (int32_t r = 0; r < rows; r++) {
            acc[r] = _mm512_dpbusd_epi32(acc[r], x[i], ek_four_weights(w[r] + number[i]));
        }
    }
    for (int32_t r = 0; r < rows; r++) {
        ek_picked_store(acc[r], c->mult[o + r], c->shift[o + r], c, lanes, n, y + (o + r) * c->plane);
    }
}

/* A tile's outputs of every channel. */
static inline void ek_picked_tile(const ek_picked_layer *layer, const ek_tile *t, const int8_t *x,
                                  const ek_conv_shape *s, EK_Y *y)
{
    const ek_picked_layer own = *layer, *const c = &own; /* which stores of bytes cannot change */
    const __mmask16 lanes = t->lanes;
    const int32_t n = t->n;
    const int32_t inputs = s->in_c / s->groups, outputs = s->out_c / s->groups, rows = inputs * t->count;
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    __m512i taken[EK_PICKED];
    if (inputs == 1 && outputs == 1 && s->k_h == 3 && s->k_w == 3) {
        const ek_pick a = t->picks[0], b = t->picks[1], d = t->picks[2];
        const int32_t number[3] = {0, 3, 6};
        for (int32_t o = 0; o < s->out_c; o++, x += plane) {
            const __m512i three[3] = {ek_picked(x, &a), ek_picked(x, &b), ek_picked(x, &d)};
            ek_picked_outputs(c, three, number, 3, o, 1, y, lanes, n);
        }
        return;
    }
    if (inputs == 1 && outputs == 1) {
        for (int32_t o = 0; o < s->out_c; o++, x += plane) {
            const int8_t *const w = o + 1 == s->out_c ? c->last : c->w + (ptrdiff_t)o * c->taps;
            __m512i acc = _mm512_set1_epi32(c->bias[o]);
            for (int32_t i = 0; i < rows; i++) {
                acc = _mm512_dpbusd_epi32(acc, ek_picked(x, t->picks + i), ek_four_weights(w + t->number[i]));
            }
            ek_picked_store(acc, c->mult[o], c->shift[o], c, lanes, n, y + o * c->plane);
        }
        return;
    }
    for (int32_t o = 0; o < s->out_c;) {
        for (int32_t i = 0; o % outputs == 0 && i < rows; i++) {
            taken[i] = ek_picked(x + (o / outputs * inputs + i / t->count) * plane, t->picks + i % t->count);
        }
        if (outputs - o % outputs >= 4) {
            ek_picked_outputs(c, taken, t->number, rows, o, 4, y, lanes, n);
            o += 4;
        } else {
            ek_picked_outputs(c, taken, t->number, rows, o, 1, y, lanes, n);
            o++;
        }
    }
}

/* Whether the shape is one that this takes; then y is done. */
static inline int ek_conv_picks(const int8_t *x, int8_t fill, const int8_t *w, const int32_t *bias,
                                const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                int32_t y_max, EK_Y *y, const ek_conv_shape *s)
{
    const int32_t inputs = s->in_c / s->groups, taps = inputs * s->k_h * s->k_w, plane = s->out_h * s->out_w;
    const int32_t picks = s->k_h * ((s->k_w + 3) / 4), across = s->out_w % 16 == 0 ? s->out_w / 16 : 1;
    int8_t last[EK_MOST_TAPS + 4] = {0};
    const ek_picked_layer c = {w, last, bias, mult, shift, y_zero, y_min, y_max, taps, s->out_c, plane};
    ek_tile t;
    if (s->k_h * s->k_w == 1 || taps < 3 || plane < 4 || picks > EK_PICKS || picks * inputs > EK_PICKED || taps > EK_MOST_TAPS) {
        return 0;
    }
    memcpy(last, w + (ptrdiff_t)(s->out_c - 1) * taps, (size_t)taps);
    for (int32_t i = 0; i < picks * inputs; i++) {
        const int32_t in_row = (s->k_w + 3) / 4;
        t.number[i] = i / in_row * s->k_w + i % in_row * 4;
    }
    t.row = t.column = -1;
    t.n = 0;
    for (int32_t turn = 0; turn < across; turn++) {
        for (int32_t first = 16 * turn; first < plane; first += across * t.n) {
            if (!ek_tile_of(s, fill, first, &t)) {
                return 0;
            }
            ek_picked_tile(&c, &t, x, s, y + first);
        }
    }
    return 1;
}
