/* Rows of operands by tiles of ek_fc_tiles.h, block by block of outputs: int4 weights are widened once for all rows, and
 * factors of int16 operands are shifted up. */
#ifndef EK_FC_BLOCKS_GUARD
#define EK_FC_BLOCKS_GUARD

#include "ek_fc_tiles.h"

#ifdef EK_ROWS_W4_GUARD
#define EK_FC_LEAST 40    /* rows, for which widening pays */
#define EK_FC_WIDEST 1024 /* taps of a row; a multiple of 8 */

/* to = weights of `panels` panels of k taps, packed as int8 ones. */
static inline void ek_fc_widen(const int8_t *w, int32_t k, int32_t panels, int8_t *to)
{
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i signs = _mm512_set4_epi32(EK_NIBBLES_12, EK_NIBBLES_8, 0x07060504, 0x03020100);
    for (int32_t i = 0; i < k; i += 8, to += 8 * EK_PANEL * panels) {
        for (int32_t p = 0; p < panels; p++, w += 64) {
            const __m512i v = _mm512_loadu_si512(w);
            const __m512i low = _mm512_shuffle_epi8(signs, _mm512_and_si512(v, nibble));
            const __m512i high = _mm512_shuffle_epi8(signs, _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble));
#if EK_BITS(EK_X) == 8
            _mm512_storeu_si512(to + 64 * p, low);
            _mm512_storeu_si512(to + 64 * (panels + p), high);
#else
            const __m512i pairs[4] = {low, high, _mm512_srli_epi16(low, 8), _mm512_srli_epi16(high, 8)};
            for (int32_t j = 0; j < 4; j++) {
                _mm256_storeu_si256((__m256i *)(void *)(to + 32 * (j * panels + p)), _mm512_cvtepi16_epi8(pairs[j]));
            }
#endif
        }
    }
}
#else
#define EK_FC_LEAST 3
#define EK_FC_WIDEST 0
#endif

/* start [n] = biases where sums of k taps stay int32; says whether they do. */
static inline int ek_fc_start(const EK_BIAS *bias, int32_t k, int32_t n, int32_t *start)
{
    int64_t reach = k <= EK_FC_BLOCK ? 0 : INT32_MAX;
    for (int32_t i = 0; i < n; i++) {
        reach |= bias[i] < 0 ? ~(int64_t)bias[i] : bias[i];
        start[i] = (int32_t)bias[i];
    }
    return reach < INT32_MAX - (int64_t)k * (1 << 22);
}

/* n factors doubled while the shift is below 33 and they stay int32: those of int64 sums are small. */
static inline void ek_fc_lift(const int32_t *from, const uint8_t *by, int32_t n, int32_t *mult, uint8_t *shift)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t m = from[i], room = __builtin_clz((uint32_t)(m ^ (m >> 31)) | 1u) - 1, less = 33 - by[i];
        const int32_t up = less < 0 ? 0 : less < room ? less : room;
        mult[i] = (int32_t)((uint32_t)m << up);
        shift[i] = (uint8_t)(by[i] + up);
    }
}

/* Outputs of the first rows of x [rows][k]; returns how many. */
static inline int32_t ek_fc_blocks(const EK_X *x, const ek_fc_layer *own, EK_Y *y, int32_t rows)
{
    int8_t wide[EK_ROWS * EK_FC_WIDEST + 1];
    int32_t start[EK_ROWS], mult[EK_ROWS];
    uint8_t shift[EK_ROWS];
    ek_fc_layer l = *own;
    int32_t row = 0;
    for (int32_t o = 0; o < own->n && rows >= EK_FC_LEAST && (EK_FC_WIDEST == 0 || own->k <= EK_FC_WIDEST); o += EK_ROWS) {
        l.outputs = own->n - o < EK_ROWS ? own->n - o : EK_ROWS;
        l.w = own->w + o * EK_BYTES(own->k);
        l.bias = own->bias + o;
        l.mult = own->mult + o;
        l.shift = own->shift + o;
        if (EK_BITS(EK_X) == 16 && ek_fc_start(l.bias, l.k, l.outputs, start)) {
            ek_fc_lift(l.mult, l.shift, l.outputs, mult, shift);
            l.start = start;
            l.mult = mult;
            l.shift = shift;
        } else {
            l.start = NULL;
        }
#ifdef EK_ROWS_W4_GUARD
        ek_fc_widen(l.w, l.k, EK_PACKED(l.outputs) / EK_PANEL, wide);
        l.w = wide;
#else
        (void)wide;
#endif
        row = ek_fc_tiles(x, &l, y + o, rows);
    }
    return row;
}

#endif
