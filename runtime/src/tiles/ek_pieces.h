/* The taps of an integer convolution by tiles in parts of EK_TILE_TAPS at most, each filled up to a multiple of
 * EK_TILE_FILL or laid in fours, and where its outputs go. */
#ifndef EK_PIECES_GUARD
#define EK_PIECES_GUARD

#include "ek_conv_shape.h"
#include "ek_tile.h"

#ifndef EK_TILE_PANEL
#define EK_TILE_PANEL 2 /* outputs side by side */
#endif

/* A part of the taps: from channel c, row ky and column kx on; `strips`: windows lie in them. */
typedef struct {
    int32_t c, ky, kx, channels, rows, columns, strips;
} ek_piece;

/* The first piece, which has the largest sizes. */
static inline ek_piece ek_first_piece(const ek_conv_shape *s, int32_t strips)
{
    const int32_t inputs = s->in_c / s->groups, kernel = s->k_h * s->k_w;
    const int32_t most = ek_min(ek_max(EK_TILE_TAPS / kernel, 1), inputs), count = (inputs + most - 1) / most;
    const ek_piece p = {0, 0, 0, (inputs + count - 1) / count,
                        kernel <= EK_TILE_TAPS ? s->k_h : ek_max(EK_TILE_TAPS / s->k_w, 1), ek_min(s->k_w, EK_TILE_TAPS),
                        strips};
    return p;
}

/* Rows of all channels of a piece. */
static inline int32_t ek_piece_high(const ek_conv_shape *s, const ek_piece *p)
{
    return ek_min(p->channels, s->in_c / s->groups - p->c) * ek_min(p->rows, s->k_h - p->ky);
}

#ifdef EK_TILE_FOURS
/* Whether four channels lie together: else four columns, where that makes fewer fours. */
static inline int ek_are_channels(const ek_piece *p)
{
    return (p->channels + 3) / 4 * p->columns <= p->channels * ((p->columns + 3) / 4);
}

/* Fours of one row of a piece. */
static inline int32_t ek_piece_fours(const ek_conv_shape *s, const ek_piece *p)
{
    const int32_t channels = ek_min(p->channels, s->in_c / s->groups - p->c), columns = ek_min(p->columns, s->k_w - p->kx);
    return ek_are_channels(p) ? (channels + 3) / 4 * columns : channels * ((columns + 3) / 4);
}

/* Taps that a piece takes in its weights, filled up. */
static inline int32_t ek_piece_taps(const ek_conv_shape *s, const ek_piece *p)
{
    return 4 * ek_piece_fours(s, p) * ek_min(p->rows, s->k_h - p->ky);
}
#else
/* Taps that a piece takes in its weights, filled up. */
static inline int32_t ek_piece_taps(const ek_conv_shape *s, const ek_piece *p)
{
    const int32_t taps = ek_piece_high(s, p) * ek_min(p->columns, s->k_w - p->kx);
    return (taps + EK_TILE_FILL - 1) / EK_TILE_FILL * EK_TILE_FILL;
}
#endif

/* Go on to the next piece; says whether there is one. */
static inline int ek_next_piece(const ek_conv_shape *s, ek_piece *p)
{
    p->kx += p->columns;
    if (p->kx >= s->k_w) {
        p->kx = 0, p->ky += p->rows;
    }
    if (p->ky >= s->k_h) {
        p->ky = 0, p->c += p->channels;
    }
    return p->c < s->in_c / s->groups;
}

/* Bytes of the weights of a group, from its first piece on. */
static inline ptrdiff_t ek_group_bytes(const ek_conv_shape *s, ek_piece piece)
{
    ptrdiff_t taps = 0;
    do {
        taps += ek_piece_taps(s, &piece);
    } while (ek_next_piece(s, &piece));
    return (s->out_c / s->groups + EK_TILE_PANEL - 1) / EK_TILE_PANEL * EK_TILE_PANEL * taps;
}

/* Where outputs go that do not lie side by side: so many elements from one to that of the next channel, row, column. */
typedef struct {
    ptrdiff_t plane;
    int32_t down, right;
} ek_places;

#endif
