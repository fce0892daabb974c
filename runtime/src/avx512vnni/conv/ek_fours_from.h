/* Which positions of a band vectors of ek_conv_fours.h hold, and where their outputs are, over EK_Y. */
#ifndef EK_FOURS_FROM_GUARD
#define EK_FOURS_FROM_GUARD

#include "ek_bytes_of.h"
#include "ek_conv_strips.h"

#define EK_FOURS_VECTORS 3
#define EK_FOURS_STRIP 28672 /* elements of a strip: so many taps of three vectors that it pays */

/* Where some vectors of positions are in a band: side by side from at [0] on, or each from its own on, with positions
 * of the next row, which are `gap` behind, in some last lanes. */
typedef struct {
    const int32_t *at[EK_FOURS_VECTORS];
    __mmask16 next[EK_FOURS_VECTORS];
    int32_t apart, narrow; /* narrow: the last vector has at most 8 positions */
    ptrdiff_t gap;
} ek_fours_from;

/* Whether every vector of outputs has those of two rows at most. */
static inline int ek_fours_go_apart(const ek_bands *b)
{
    return b->layout == EK_BY_PLANES && b->pitch > b->columns && b->rows > 1
           && b->columns + ek_min(EK_LANES, b->columns & -b->columns) >= EK_LANES;
}

/* Outputs number first.. of the n of a band. */
static inline void ek_fours_from_of(const int32_t *band, const ek_bands *b, int32_t first, int32_t n, int32_t vectors,
                                    ek_fours_from *p)
{
    p->apart = 1;
    p->gap = b->pitch - b->columns;
    for (int32_t v = 0; v < vectors; v++, first += EK_LANES) {
        const int32_t row = first / b->columns, column = first % b->columns;
        p->at[v] = band + (ptrdiff_t)row * b->pitch + column;
        p->next[v] = (__mmask16)(ek_lanes(n - first) & ~ek_lanes(b->columns - column));
    }
}

/* Where outputs of some vectors of positions are, by the size of EK_Y. */
typedef union {
    ek_byte_runs bytes;
    ek_places words;
} ek_fours_at;

static inline void ek_fours_at_of(int32_t first, int32_t n, int32_t pitch, int32_t columns, int32_t across,
                                  int32_t vectors, ek_fours_at *p)
{
    if (sizeof(EK_Y) == 1) {
        ek_byte_runs_of(first, n, pitch, columns, across, 16 * vectors, &p->bytes);
    } else {
        ek_places_of(first, n, pitch, columns, vectors, &p->words);
    }
}

/* How the positions of a band are taken: in a row with what is between rows; outputs alone, of two rows in a vector or
 * laid out anew. */
typedef enum { EK_FOURS_IN_A_ROW, EK_FOURS_APART, EK_FOURS_STRIPS } ek_fours_way;

/* Whether strips are possible, as `ek_strip_pays` says, and take less time than halves of vectors of what is between
 * rows. */
static inline int ek_fours_strips_pay(const ek_bands *b, int32_t taps, int32_t outputs)
{
    const int32_t dense = (b->rows * b->columns + 7) / 8, spread = ((b->rows - 1) * b->pitch + b->columns + 7) / 8;
    const int32_t ends = (b->columns + EK_LANES - 2) / b->columns; /* of rows, within a vector of outputs */
    return b->layout == EK_BY_PLANES && EK_LANES - 1 + ends * (b->pitch - b->columns) < 2 * EK_LANES
           && taps <= EK_FOURS_STRIP / 16 / EK_FOURS_VECTORS && EK_STRIP_COST * dense < (spread - dense) * outputs;
}

#endif
