/* Armv7E-M DSP: the windows of positions side by side lie once, in a strip for each output row: [columns][k_h][channels],
 * each column filled up to a multiple of four and widened as `ek_tile_ready` does. The taps of a position are one run of it,
 * and the weights of a piece lie as [k_w][k_h][channels], filled up in the same way. Within ek_conv_tiles.h. */
#ifndef EK_TILE_STRIPS_GUARD
#define EK_TILE_STRIPS_GUARD

/* to [4][words] = two rows, four columns of them. */
static inline void ek_lay_two(const int8_t *a, const int8_t *b, int32_t words, int16x2_t *to)
{
    const int32_t first = ek_word(a), second = ek_word(b);
    const int16x2_t even = __sxtb16(first), even2 = __sxtb16(second), odd = ek_odd(first), odd2 = ek_odd(second);
    to[0] = ek_lower_halves(even, even2);
    to[words] = ek_lower_halves(odd, odd2);
    to[2 * words] = ek_upper_halves(even, even2);
    to[3 * words] = ek_upper_halves(odd, odd2);
}

/* to [n][words] = four rows at n columns: the even ones, and the odd ones, side by side. */
static __attribute__((noinline)) void ek_lay_four(const int8_t *const *rows, int32_t n, int32_t words, int16x2_t *to)
{
    const int8_t *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    for (; n >= 4; n -= 4, a += 4, b += 4, c += 4, d += 4, to += 4 * words) {
        ek_lay_two(a, c, words, to);
        ek_lay_two(b, d, words, to + 1);
    }
    for (; n > 0; n--, to += words) {
        to[0] = ek_lower_halves(*a++, *c++);
        to[1] = ek_lower_halves(*b++, *d++);
    }
}

/* The strip of n positions from (oy, ox) on; x is the first channel's of the piece. */
static inline void ek_lay_strip_of(const int8_t *x, int8_t fill, const ek_conv_shape *s, const ek_piece *p, int32_t channels,
                                   int32_t oy, int32_t ox, int32_t n, int8_t *strip)
{
    const int32_t high = channels * ek_min(p->rows, s->k_h - p->ky), words = (high + 3) / 4 * 2;
    const int32_t columns = (n - 1) * s->stride_w + ek_min(p->columns, s->k_w - p->kx);
    const int32_t left = ox * s->stride_w - s->pad_left + p->kx, plane = s->in_h * s->in_w;
    const int32_t lo = ek_min(ek_max(-left, 0), columns), hi = ek_max(ek_min(s->in_w - left, columns), lo);
    int16x2_t *const to = (int16x2_t *)(void *)strip;
    int8_t outside[EK_TILE_BYTES / EK_STRIP_ROWS];
    int32_t iy = oy * s->stride_h - s->pad_top + p->ky * s->dil_h, c = 0;
    memset(outside, fill, (size_t)columns);
    for (int32_t i = 0; i < lo * words; i++) {
        to[i] = ek_lower_halves(fill, fill);
    }
    for (int32_t i = hi * words; i < columns * words; i++) {
        to[i] = ek_lower_halves(fill, fill);
    }
    x += left + lo;
    for (int32_t at = 0; at < high; at += 4) {
        const int8_t *rows[4];
        for (int32_t i = 0; i < 4; i++) {
            const int inside = iy >= 0 && iy < s->in_h && at + i < high;
            rows[i] = inside ? x + c * (ptrdiff_t)plane + iy * s->in_w : outside;
            if (++c == channels) {
                c = 0, iy += s->dil_h;
            }
        }
        ek_lay_four(rows, hi - lo, words, to + lo * words + at / 2);
    }
}

#endif
