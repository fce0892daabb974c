/* Tiles of ek_conv_pointwise.h for outputs that read patches inside of x: four neighbours of a row are a group, as if they
 * were channels. Groups are in the order of the weights, [inputs][k_h][k_w / 4]; zeros fill up the last of a row. */
#ifndef EK_PATCHES_GUARD
#define EK_PATCHES_GUARD

#include "ek_conv_shape.h"
#include "ek_lanes.h"

#define EK_PATCH_BYTES 16 /* of a row of a patch, taken at once: four groups */

/* Bytes of the weights of one output. */
static inline int32_t ek_patch_row(const ek_conv_shape *s)
{
    return s->in_c / s->groups * s->k_h * ((s->k_w + 3) & ~3);
}

/* Where the patches of positions at.. begin in a channel, n of them, and of `count` the others as the last. */
static inline void ek_patches_at(const ek_conv_shape *s, int32_t at, int32_t n, int32_t count, int32_t *from)
{
    int32_t row = at / s->out_w, column = at % s->out_w;
    for (int32_t i = 0; i < n; i++) {
        from[i] = row * s->stride_h * s->in_w + column * s->stride_w;
        column++;
        if (column == s->out_w) {
            column = 0;
            row++;
        }
    }
    for (int32_t i = n; i < count; i++) {
        from[i] = from[n - 1];
    }
}

/* In each 128-bit lane some bytes of a patch; those of lanes are `apart` positions apart. */
static inline __m512i ek_patch_lanes(const int8_t *x, const int32_t *from, int32_t apart, __mmask16 bytes)
{
    __m512i lanes = _mm512_castsi128_si512(_mm_maskz_loadu_epi8(bytes, x + from[0]));
    lanes = _mm512_inserti32x4(lanes, _mm_maskz_loadu_epi8(bytes, x + from[apart]), 1);
    lanes = _mm512_inserti32x4(lanes, _mm_maskz_loadu_epi8(bytes, x + from[2 * apart]), 2);
    return _mm512_inserti32x4(lanes, _mm_maskz_loadu_epi8(bytes, x + from[3 * apart]), 3);
}

/* tile [groups][vectors] of up to four groups, of 16 positions by each vector. */
static inline void ek_patch_groups(const int8_t *x, const int32_t *from, __mmask16 bytes, int32_t groups, int32_t vectors,
                                   __m512i *tile)
{
    const __m512i top = _mm512_set1_epi8(-128);
    for (int32_t v = 0; v < vectors; v++, from += 4, tile++) {
        const __m512i a = ek_patch_lanes(x, from, 4 * vectors, bytes);
        const __m512i b = ek_patch_lanes(x, from + 1, 4 * vectors, bytes);
        const __m512i c = ek_patch_lanes(x, from + 2, 4 * vectors, bytes);
        const __m512i d = ek_patch_lanes(x, from + 3, 4 * vectors, bytes);
        const __m512i ab = _mm512_xor_si512(_mm512_unpacklo_epi32(a, b), top);
        const __m512i cd = _mm512_xor_si512(_mm512_unpacklo_epi32(c, d), top);
        const __m512i ab_high = _mm512_xor_si512(_mm512_unpackhi_epi32(a, b), top);
        const __m512i cd_high = _mm512_xor_si512(_mm512_unpackhi_epi32(c, d), top);
        tile[0] = _mm512_unpacklo_epi64(ab, cd);
        if (groups > 1) {
            tile[vectors] = _mm512_unpackhi_epi64(ab, cd);
        }
        if (groups > 2) {
            tile[2 * vectors] = _mm512_unpacklo_epi64(ab_high, cd_high);
        }
        if (groups > 3) {
            tile[3 * vectors] = _mm512_unpackhi_epi64(ab_high, cd_high);
        }
    }
}

/* tile [groups][vectors] of n positions, 16 * vectors at most, from number `at` on; x is the first channel of a group. */
static inline void ek_patch_gather(const int8_t *x, const ek_conv_shape *s, int32_t at, int32_t n, int32_t vectors,
                                   __m512i *tile)
{
    int32_t from[64];
    ek_patches_at(s, at, n, 16 * vectors, from);
    for (int32_t c = 0; c < s->in_c / s->groups; c++, x += (ptrdiff_t)s->in_h * s->in_w) {
        for (int32_t i = 0; i < s->k_h; i++) {
            for (int32_t j = 0; j < s->k_w; j += EK_PATCH_BYTES) {
                const int32_t bytes = ek_min(s->k_w - j, EK_PATCH_BYTES), groups = (bytes + 3) / 4;
                ek_patch_groups(x + (ptrdiff_t)i * s->in_w + j, from, ek_lanes(bytes), groups, vectors, tile);
                tile += groups * vectors;
            }
        }
    }
}

#endif
