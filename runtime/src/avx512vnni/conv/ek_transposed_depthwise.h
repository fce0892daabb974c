/* Transposed convolution of int8 channels each by itself over EK_Y: 16 outputs are lanes, whatever phase they are of, whose
 * taps are picked as in ek_conv_picks.h. Weights and bias of a lane are those of its phase. */
#include "ek_conv_picks.h"
#include "ek_phases.h"

#define EK_MOST_PHASES 4
#define EK_PHASE_TAPS 64 /* of a kernel */

/* A phase: taps [down][right] of each channel, those of channels `end`.. in `last`, with room behind them for what is read
 * four bytes at once; the lanes that are its. */
typedef struct {
    const int8_t *w;
    const int32_t *bias;
    int32_t down, right, end;
    __mmask16 lanes;
    int8_t last[EK_PHASE_TAPS + 4];
} ek_phase_lanes;

typedef struct {
    ek_phase rows[EK_MOST_PHASES], columns[EK_MOST_PHASES];
    ek_phase_lanes of[EK_MOST_PHASES];
    int32_t count, down, right; /* taps of the largest phase */
} ek_phases;

/* Of lanes at positions of an axis, by their phases: the first tap, how far the next one is, and how many there are. */
typedef struct {
    __m512i at, step, count;
    __mmask16 of[EK_MOST_PHASES];
} ek_axis;

static inline void ek_axis_of(__m512i position, int32_t stride, const ek_phase *phases, ek_axis *to)
{
    const __m512 by = _mm512_set1_ps((float)stride); /* positions are below 2^24 */
    const __m512i turn = _mm512_cvttps_epi32(_mm512_div_ps(_mm512_cvtepi32_ps(position), by));
    const __m512i phase = _mm512_sub_epi32(position, _mm512_mullo_epi32(turn, _mm512_set1_epi32(stride)));
    to->at = to->step = to->count = _mm512_setzero_si512();
    for (int32_t p = 0; p < stride; p++) {
        const __mmask16 lanes = to->of[p] = _mm512_cmpeq_epi32_mask(phase, _mm512_set1_epi32(p));
        to->at = _mm512_mask_add_epi32(to->at, lanes, turn, _mm512_set1_epi32(phases[p].at));
        to->step = _mm512_mask_set1_epi32(to->step, lanes, phases[p].step);
        to->count = _mm512_mask_set1_epi32(to->count, lanes, phases[p].count);
    }
}

/* Tap `number` of lanes along an axis: where it is, and which lanes have it. */
static inline __m512i ek_axis_tap(const ek_axis *axis, int32_t number, __mmask16 *used)
{
    const __m512i n = _mm512_set1_epi32(number);
    *used = _mm512_cmpgt_epi32_mask(axis->count, n);
    return _mm512_add_epi32(axis->at, _mm512_mullo_epi32(axis->step, n));
}

/* The picks of a tile's lanes, and whose phases they are. */
static inline int ek_transposed_picks(const ek_conv_shape *s, int8_t fill, int32_t first, ek_phases *phases, ek_tile *t)
{
    const ek_conv_shape each = {1, s->out_h, s->out_w, 1, s->out_h, s->out_w, 1, 1, 1, 1, 1, 1, 0, 0, 1};
    int32_t row[16], column[16];
    ek_axis v, h;
    ek_lanes_of(&each, first, s->out_w % 4 != 0, row, column, t);
    ek_axis_of(_mm512_loadu_si512(row), s->stride_h, phases->rows, &v);
    ek_axis_of(_mm512_loadu_si512(column), s->stride_w, phases->columns, &h);
    for (int32_t p = 0; p < phases->count; p++) {
        phases->of[p].lanes = v.of[p / s->stride_w] & h.of[p % s->stride_w];
    }
    t->count = 0;
    for (int32_t ky = 0; ky < phases->down; ky++) {
        __mmask16 in_rows, in_columns;
        const __m512i iy = ek_axis_tap(&v, ky, &in_rows), at = _mm512_mullo_epi32(iy, _mm512_set1_epi32(s->in_w));
        const __mmask16 rows = _mm512_cmplt_epu32_mask(iy, _mm512_set1_epi32(s->in_h));
        for (int32_t kx = 0; kx < phases->right; kx += 4, t->count++) {
            ek_tap_places taps;
            for (int32_t k = 0; k < 4; k++) {
                const __m512i ix = ek_axis_tap(&h, kx + k, &in_columns);
                taps.used[k] = in_rows & in_columns;
                taps.in[k] = taps.used[k] & rows & _mm512_cmplt_epu32_mask(ix, _mm512_set1_epi32(s->in_w));
                taps.at[k] = _mm512_add_epi32(at, ix);
            }
            if (!ek_pick_of(s, fill, &taps, t->picks + t->count)) {
                return 0;
            }
        }
    }
    return 1;
}

/* A tile's outputs of every channel, each `plane` behind the last. */
static inline void ek_transposed_tile(const ek_picked_layer *layer, const ek_phases *phases, const ek_tile *t,
                                      const int8_t *x, ptrdiff_t x_plane, EK_Y *y)
{
    const ek_picked_layer own = *layer, *const c = &own; /* which stores of bytes cannot change */
    const int32_t fours = (phases->right + 3) / 4;
    for (int32_t o = 0; o < own.out_c; o++, x += x_plane, y += own.plane) {
        const int8_t *w[EK_MOST_PHASES];
        __m512i acc = _mm512_setzero_si512();
        for (int32_t p = 0; p < phases->count; p++) {
            const ek_phase_lanes *const of = phases->of + p;
            const int32_t taps = of->down * of->right;
            w[p] = o < of->end ? of->w + (ptrdiff_t)o * taps : of->last + (o - of->end) * taps;
            acc = _mm512_mask_set1_epi32(acc, of->lanes, of->bias[o]);
        }
        for (int32_t i = 0; i < t->count; i++) {
            const int32_t ky = i / fours, kx = i % fours * 4;
            __m512i four = _mm512_setzero_si512();
            for (int32_t p = 0; p < phases->count; p++) {
                const ek_phase_lanes *const of = phases->of + p;
                if (ky < of->down && kx < of->right) {
                    int32_t taps;
                    memcpy(&taps, w[p] + ky * of->right + kx, 4);
                    four = _mm512_mask_set1_epi32(four, of->lanes, taps);
                }
            }
            acc = _mm512_dpbusd_epi32(acc, ek_picked(x, t->picks + i), four);
        }
        ek_picked_store(acc, own.mult[o], own.shift[o], c, t->lanes, t->n, y);
    }
}

/* Whether the shape is one that this takes; then y is done. */
static inline int ek_transposed_depthwise(const int8_t *x, int8_t fill, const int8_t *w, const int32_t *bias,
                                          const int32_t *mult, const uint8_t *shift, int32_t y_zero, int32_t y_min,
                                          int32_t y_max, EK_Y *y, const ek_conv_shape *s)
{
    const int32_t plane = s->out_h * s->out_w;
    const ek_picked_layer c = {w, NULL, bias, mult, shift, y_zero, y_min, y_max, 0, s->out_c, plane};
    ek_phases phases = {.count = s->stride_h * s->stride_w};
    ek_tile t;
    if (s->in_c != s->groups || s->out_c != s->groups || phases.count > EK_MOST_PHASES || s->k_h * s->k_w > EK_PHASE_TAPS
        || plane < 4 || plane > 1 << 24) {
        return 0;
    }
    for (int32_t p = 0; p < phases.count; p++) {
        const int32_t py = p / s->stride_w, px = p % s->stride_w;
        const ek_phase v = ek_phase_of(py, s->out_h, s->k_h, s->stride_h, s->dil_h, s->pad_top);
        const ek_phase h = ek_phase_of(px, s->out_w, s->k_w, s->stride_w, s->dil_w, s->pad_left);
        const int32_t taps = v.count * h.count, kept = ek_min(s->out_c, taps < 3 ? 3 : 1);
        ek_phase_lanes *const of = phases.of + p;
        phases.rows[py] = v;
        phases.columns[px] = h;
        phases.down = ek_max(phases.down, v.count);
        phases.right = ek_max(phases.right, h.count);
        of->w = w;
        of->bias = bias + (ptrdiff_t)p * s->out_c;
        of->down = v.count;
        of->right = h.count;
        of->end = s->out_c - kept;
        w += (ptrdiff_t)s->out_c * taps;
        memcpy(of->last, w - kept * taps, (size_t)(kept * taps));
    }
    if (phases.down * ((phases.right + 3) / 4) > EK_PICKS) {
        return 0;
    }
    for (int32_t first = 0; first < plane; first += t.n) {
        if (!ek_transposed_picks(s, fill, first, &phases, &t)) {
            return 0;
        }
        ek_transposed_tile(&c, &phases, &t, x, (ptrdiff_t)s->in_h * s->in_w, y + first);
    }
    return 1;
}

#define EK_TRANSPOSED_DEPTHWISE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, s) \
    (sizeof(EK_X) == 1 \
     && ek_transposed_depthwise((const int8_t *)(const void *)(x), (int8_t)(x_zero), w, (const int32_t *)(const void *)(bias), \
                                mult, shift, y_zero, y_min, y_max, y, s))
