/* Rows of int8 operands of ek_fc_tiles.h by the tiles of AMX: 16 rows are the left operand, packed weights the right one. */
#include "ek_amx.h"

#define EK_AMX_ROWS 64         /* of operands that are held, for which weights are read once */
#define EK_AMX_HELD 69632      /* bytes of them */
#define EK_AMX_LEAST_TAPS 32   /* of which tiles pay */

/* Operands [rows] of `count` taps, `pitch` bytes apart. */
typedef struct {
    uint8_t held[EK_AMX_HELD];
    int32_t first, count, pitch;
} ek_amx_operands;

/* Hold `count` taps of rows `step` apart, int8 and 128; zeros fill up the last tile. */
static inline void ek_amx_hold(const EK_X *x, ptrdiff_t step, int32_t count, int32_t rows, ek_amx_operands *to)
{
    const __m512i top = _mm512_set1_epi8(-128);
    to->count = count;
    to->pitch = ((count + 63) & ~63) + 64; /* so that rows lie in all parts of the cache */
    for (int32_t r = 0; r < rows; r++, x += step) {
        uint8_t *const row = to->held + r * to->pitch;
        for (int32_t i = 0; i < count; i += 64) {
            const __mmask64 lanes = count - i >= 64 ? ~0ull : (1ull << (count - i)) - 1;
            const __m512i bytes = _mm512_maskz_loadu_epi8(lanes, (const int8_t *)(const void *)x + i);
            _mm512_storeu_si512(row + i, _mm512_maskz_mov_epi8(lanes, _mm512_xor_si512(bytes, top)));
        }
    }
}

/* The groups of a panel behind the last whole tile, of weights in groups of `step` vectors, with zeros behind them. */
static inline void ek_fc_last(const int8_t *w, int32_t step, int32_t groups, __m512i *to)
{
    for (int32_t g = 0; g < EK_AMX_GROUPS; g++) {
        to[g] = g < groups ? _mm512_loadu_si512(w + 64 * (ptrdiff_t)g * step) : _mm512_setzero_si512();
    }
}

/* sums [16][64] = what 16 rows begin with, `apart` bytes from one to the next, and 16 held rows times panels of weights w,
 * in groups of `step` vectors, without what is behind the last whole tile if `last` [panels] has that. */
EK_FC_INLINE void ek_fc_amx_sums(const uint8_t *held, ptrdiff_t pitch, int32_t groups, const int8_t *w, int32_t step,
                              int32_t panels, __m512i (*last)[EK_AMX_GROUPS], const int32_t *begin, ptrdiff_t apart, int32_t *sums)
{
    EK_AMX_LOAD(0, begin, apart);
    if (panels > 1) {
        EK_AMX_LOAD(1, begin + 16, apart);
    }
    if (panels > 2) {
        EK_AMX_LOAD(2, begin + 32, apart);
        EK_AMX_LOAD(3, begin + 48, apart);
    }
    for (int32_t g = 0; g < groups; g += EK_AMX_GROUPS, held += 64, w += 64 * (ptrdiff_t)EK_AMX_GROUPS * step) {
        const int cut = last && g + EK_AMX_GROUPS > groups;
        const int8_t *const from = cut ? (const int8_t *)(const void *)last[0] : w;
        const ptrdiff_t row = cut ? 64 : 64 * (ptrdiff_t)step, panel = cut ? 64 * EK_AMX_GROUPS : 64;
        EK_AMX_LOAD(4, held, pitch);
        EK_AMX_LOAD(5, from, row);
        EK_AMX_LEFT_UNSIGNED(0, 4, 5);
        if (panels > 1) {
            EK_AMX_LOAD(6, from + panel, row);
            EK_AMX_LEFT_UNSIGNED(1, 4, 6);
        }
        if (panels > 2) {
            EK_AMX_LOAD(7, from + 2 * panel, row);
            EK_AMX_LEFT_UNSIGNED(2, 4, 7);
            EK_AMX_LOAD(5, from + 3 * panel, row);
            EK_AMX_LEFT_UNSIGNED(3, 4, 5);
        }
    }
    EK_AMX_STORE(0, sums, 256);
    if (panels > 1) {
        EK_AMX_STORE(1, sums + 16, 256);
    }
    if (panels > 2) {
        EK_AMX_STORE(2, sums + 32, 256);
        EK_AMX_STORE(3, sums + 48, 256);
    }
}

/* Outputs o.. of `rows` rows x, n of `panels` panels whose first weights are w; `is_end`: nothing is behind these. */
EK_FC_INLINE void ek_fc_amx_panels(const EK_X *x, ek_amx_operands *own, const ek_fc_layer *l, const int8_t *w, int32_t step,
                                   int32_t o, int32_t rows, int32_t panels, int is_end, EK_Y *y, int32_t n)
{
    int32_t sums[EK_AMX_ROWS * 64], begin[64] = {0};
    __m512i last[4][EK_AMX_GROUPS];
    for (int32_t i = 0; i < n; i++) {
        begin[i] = (int32_t)l->bias[o + i];
    }
    for (int32_t from = 0; from < l->k; from += EK_FC_TAPS, w += 64 * (ptrdiff_t)step * (EK_FC_TAPS / 4)) {
        const int32_t count = l->k - from < EK_FC_TAPS ? l->k - from : EK_FC_TAPS, groups = (count + 3) / 4;
        const int32_t behind = groups % EK_AMX_GROUPS, cuts = is_end && behind > 0 && from + count == l->k;
        if (own->first != from) {
            ek_amx_hold(x + from, l->k, count, rows, own);
            own->first = from;
        }
        for (int32_t p = 0; p < panels && cuts; p++) {
            ek_fc_last(w + 64 * ((ptrdiff_t)(groups - behind) * step + p), step, behind, last[p]);
        }
        for (int32_t r = 0; r < rows; r += 16) {
            const int32_t *const start = from ? sums + r * 64 : begin;
            ek_fc_amx_sums(own->held + r * own->pitch, own->pitch, groups, w, step, panels, cuts ? last : NULL, start,
                           from ? 256 : 0, sums + r * 64);
        }
    }
    if (sizeof(EK_Y) == 1 && panels == 4 && l->is_down) {
        ek_fc_outputs_down(sums, l, o, rows, (int8_t *)(void *)y, n);
        return;
    }
    for (int32_t r = 0; r < rows; r++) {
        ek_fc_outputs(sums + r * 64, l, o, panels, y + (ptrdiff_t)r * l->n, n);
    }
}

/* All outputs of some rows, EK_AMX_ROWS at most. */
static __attribute__((noinline)) void ek_fc_amx_tile(const EK_X *x, const ek_fc_layer *own, int32_t rows, EK_Y *y)
{
    const ek_fc_layer l = *own; /* which stores cannot change */
    ek_amx_operands held;
    held.first = -1;
    for (int32_t o = 0; o < l.outputs; o += EK_ROWS) {
        const int32_t n = l.outputs - o < EK_ROWS ? l.outputs - o : EK_ROWS, step = EK_PACKED(n) / EK_PANEL;
        const int8_t *const w = l.w + o * EK_BYTES(l.k);
        const int is_end = o + n == l.outputs;
        if (step == 4) {
            ek_fc_amx_panels(x, &held, &l, w, step, o, rows, 4, is_end, y + o, n);
            continue;
        }
        if (step >= 2) {
            ek_fc_amx_panels(x, &held, &l, w, step, o, rows, 2, is_end, y + o, step == 2 ? n : 2 * EK_PANEL);
        }
        if (step != 2) {
            const int32_t behind = step == 3 ? 2 * EK_PANEL : 0;
            ek_fc_amx_panels(x, &held, &l, w + 64 * (step - 1), step, o + behind, rows, 1, is_end, y + o + behind, n - behind);
        }
    }
}

/* Outputs of the first rows of x [rows][k]; returns how many: those that remain are less than 3. */
static inline int32_t ek_fc_amx(const EK_X *x, const ek_fc_layer *l, EK_Y *y, int32_t rows)
{
    const int32_t taps = l->k < EK_FC_TAPS ? l->k : EK_FC_TAPS, together = EK_AMX_HELD / (((taps + 63) & ~63) + 64);
    const int32_t most = together < EK_AMX_ROWS ? together & ~15 : EK_AMX_ROWS;
    int32_t row = 0;
    if (l->k < EK_AMX_LEAST_TAPS || !ek_amx_ready()) {
        return 0;
    }
    for (int32_t now, configured = 0; rows - row >= 3; row += now) {
        now = rows - row < most ? rows - row : most;
        if (configured != 16) {
            configured = now < 16 ? now : 16;
            ek_amx_configure(configured);
        }
        ek_fc_amx_tile(x + (ptrdiff_t)row * l->k, l, now, y + (ptrdiff_t)row * l->n);
    }
    if (row) {
        EK_AMX_RELEASE();
    }
    return row;
}
#define EK_FC_PRODUCTS ek_fc_amx
