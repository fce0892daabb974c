/* Helium: where positions side by side share columns of their windows, or channels are few, windows lie once, in a strip for
 * each output row: [columns][k_h][channels]. The taps of a position are one run of it, and the weights of a piece lie as
 * [k_w][k_h][channels]. Within ek_conv_tiles.h. */
#ifndef EK_TILE_STRIPS_GUARD
#define EK_TILE_STRIPS_GUARD

/* What `n` columns of a strip are made of: those lo..hi-1 are inside. */
typedef struct {
    const int8_t *x;
    int32_t plane, channels, high, n, lo, hi;
    int8_t fill;
} ek_columns;

/* to [n][high] of the rows of each channel: every row by itself, spread over the columns. */
static __attribute__((noinline)) void ek_spread_rows(const ek_columns *t, int8_t *to)
{
    const int8x16_t outside = vdupq_n_s8(t->fill);
    const int32_t plane = t->plane, high = t->high;
    if (high <= 17) {
        const uint8x16_t at = vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)high);
        for (int32_t k = 0; k < t->n; k += 16, to += 16 * high) {
            const mve_pred16_t in = (mve_pred16_t)(vctp8q((uint32_t)ek_max(t->hi - k, 0)) & ~vctp8q((uint32_t)ek_max(t->lo - k, 0)));
            const int8_t *x = t->x + k;
            for (int32_t c = 0; c < t->channels; c++, x += plane) {
                vstrbq_scatter_offset_s8(to + c, at, vpselq_s8(vldrbq_z_s8(x, in), outside, in));
            }
        }
        return;
    }
    const uint16x8_t at = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)high);
    for (int32_t k = 0; k < t->n; k += 8, to += 8 * high) {
        const mve_pred16_t in = (mve_pred16_t)(vctp16q((uint32_t)ek_max(t->hi - k, 0)) & ~vctp16q((uint32_t)ek_max(t->lo - k, 0)));
        const mve_pred16_t some = vctp16q((uint32_t)(t->n - k));
        const int8_t *x = t->x + k;
        for (int32_t c = 0; c < t->channels; c++, x += plane) {
            const int16x8_t v = vpselq_s16(vldrbq_z_s16(x, in), vreinterpretq_s16_s8(outside), in);
            vstrbq_scatter_offset_p_s16(to + c, at, v, some);
        }
    }
}

/* The same where there are many channels: column by column, a channel in each lane. */
static inline void ek_take_columns(const ek_columns *t, int8_t *to)
{
    for (int32_t j = 0; j < t->lo; j++) {
        ek_take_same(t->fill, t->channels, to + j * t->high);
    }
    for (int32_t j = t->hi; j < t->n; j++) {
        ek_take_same(t->fill, t->channels, to + j * t->high);
    }
    ek_take_channels(t->x + t->lo, t->plane, t->channels, 1, t->hi - t->lo, to + t->lo * t->high, t->high);
}

/* The strip of n positions from (oy, ox) on; x is the first channel's of the piece. */
static inline void ek_lay_strip_of(const int8_t *x, int8_t fill, const ek_conv_shape *s, const ek_piece *p, int32_t channels,
                                   int32_t oy, int32_t ox, int32_t n, int8_t *to)
{
    const int32_t rows = ek_min(p->rows, s->k_h - p->ky), left = ox * s->stride_w - s->pad_left + p->kx;
    const int32_t columns = (n - 1) * s->stride_w + ek_min(p->columns, s->k_w - p->kx);
    int32_t iy = oy * s->stride_h - s->pad_top + p->ky * s->dil_h;
    ek_columns t = {x, s->in_h * s->in_w, channels, rows * channels, columns, 0, 0, fill};
    for (int32_t ky = 0; ky < rows; ky++, iy += s->dil_h) {
        const int inside = iy >= 0 && iy < s->in_h;
        t.x = x + (ptrdiff_t)iy * s->in_w + left;
        t.lo = inside ? ek_min(ek_max(-left, 0), columns) : columns;
        t.hi = inside ? ek_max(ek_min(s->in_w - left, columns), t.lo) : columns;
        if (channels < EK_TILE_CHANNELS) {
            ek_spread_rows(&t, to + ky * channels);
        } else {
            ek_take_columns(&t, to + ky * channels);
        }
    }
}

#endif
