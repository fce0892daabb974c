/* Where the taps of a float convolution lie, over ek_vector.h. The outputs of a band, some rows of a picture, are one
 * long row of positions, and a tap of them all is as long a row at an offset: of x itself where no tap is outside and
 * strides are 1; else of planes, which hold the rows of a channel with their padding, those of one remainder by
 * the strides in each; else, where planes would hold more than that, of the row of every tap by itself. */
#ifndef EK_CONV_BANDS_GUARD
#define EK_CONV_BANDS_GUARD

#include "ek_plane_rows.h"

#ifndef EK_BANDS
#define EK_BANDS 8192     /* floats that hold a band */
#define EK_BLOCK_TAPS 256 /* whose products are summed at once */
#endif
#define EK_BANDS_SLACK (2 * EK_LANES) /* which are read behind the last position */
#define EK_BANDS_ROOM (EK_BANDS - EK_BANDS_SLACK)
#define EK_MOST_STRIDE 32
#define EK_NEAR 65536 /* floats of sums of a band, which several blocks of taps add to: those stay in the second cache */
#ifndef EK_SUM_TAPS
#define EK_SUM_TAPS 96 /* that sums of a band have if they can: 96, or so many times 80 more */
#endif
#ifndef EK_MOST_VECTORS
#define EK_MOST_VECTORS 8 /* of a single output */
#endif
#ifndef EK_SOME_VECTORS
#define EK_SOME_VECTORS 1 /* in place, taken together with the last one that is not whole */
#endif

typedef enum { EK_IN_PLACE, EK_BY_PLANES, EK_BY_TAPS } ek_layout;

typedef struct {
    ek_layout layout;
    int32_t rows, columns; /* of outputs in a band; fewer columns than there are only where rows are 1 */
    int32_t pitch;         /* positions from one row to the next */
    int32_t block;         /* taps at once; by planes those of whole channels */
    int32_t height;        /* rows of a plane */
    int32_t across, planes; /* planes of one remainder of rows; of a channel */
    int32_t down[EK_MOST_STRIDE], right[EK_MOST_STRIDE]; /* the number of a remainder, -1 where no tap has it */
} ek_bands;

/* Number the remainders that taps have; returns how many. */
static inline int32_t ek_remainders(int32_t k, int32_t dil, int32_t stride, int32_t *number)
{
    int32_t count = 0;
    for (int32_t i = 0; i < stride; i++) {
        number[i] = -1;
    }
    for (int32_t i = 0; i < k; i++) {
        number[i * dil % stride] = 0;
    }
    for (int32_t i = 0; i < stride; i++) {
        number[i] = number[i] < 0 ? -1 : count++;
    }
    return count;
}

/* Whether planes fit into `room` elements and hold no more than the taps; then they are b. Of `want` channels, or else of
 * `must`, the planes fit at once. */
static inline int ek_by_planes(const ek_conv_shape *s, int32_t room, int32_t want, int32_t must, int32_t narrowest,
                               ek_bands *b)
{
    const int32_t kernel = s->k_h * s->k_w, inputs = s->in_c / s->groups;
    const int32_t reach_h = (s->k_h - 1) * s->dil_h / s->stride_h, reach_w = (s->k_w - 1) * s->dil_w / s->stride_w;
    int32_t size;
    if (kernel > 2 * EK_BLOCK_TAPS || s->stride_h > EK_MOST_STRIDE || s->stride_w > EK_MOST_STRIDE) {
        return 0;
    }
    b->layout = EK_BY_PLANES;
    b->across = ek_remainders(s->k_w, s->dil_w, s->stride_w, b->right);
    b->planes = b->across * ek_remainders(s->k_h, s->dil_h, s->stride_h, b->down);
    b->columns = s->out_w;
    b->rows = room / (want * b->planes) / (s->out_w + reach_w) - reach_h;
    if (b->rows < 1) {
        b->rows = room / (must * b->planes) / (s->out_w + reach_w) - reach_h;
    }
    b->rows = ek_min(b->rows, s->out_h);
    if (b->rows < 1) {
        b->rows = 1;
        b->columns = ek_min(room / (must * b->planes * (1 + reach_h)) - reach_w, s->out_w);
    }
    if (b->columns < ek_min(narrowest, s->out_w)) {
        return 0;
    }
    b->pitch = b->columns + reach_w;
    b->height = b->rows + reach_h;
    size = b->planes * b->height * b->pitch;
    b->block = ek_max(1, ek_min(ek_min(inputs, room / size), EK_BLOCK_TAPS / kernel)) * kernel;
    return size <= kernel * b->rows * b->columns || kernel == 1;
}

/* Columns of a band become equal parts of a row in whole vectors. */
static inline void ek_equal_columns(int32_t out_w, ek_bands *b)
{
    const int32_t parts = (out_w + b->columns - 1) / b->columns, each = (out_w + parts - 1) / parts;
    const int32_t columns = (each + EK_LANES - 1) / EK_LANES * EK_LANES;
    if (columns < b->columns) {
        b->pitch -= b->columns - columns;
        b->columns = columns;
    }
}

/* How many positions of a row a band in place has, of so many outputs each: whole tiles, whose sums stay near. */
static inline int32_t ek_near_columns(int32_t columns, int32_t outputs)
{
    const int32_t tile = EK_TILE_VECTORS * EK_LANES;
    return ek_min(columns, ek_max(EK_NEAR / outputs / tile, 2) * tile);
}

/* How a convolution is taken. */
static inline void ek_bands_of(const ek_conv_shape *s, ek_bands *b)
{
    const int32_t kernel = s->k_h * s->k_w, inputs = s->in_c / s->groups, outputs = s->out_c / s->groups;
    const int inside = s->pad_top == 0 && s->pad_left == 0 && s->out_h - 1 + (s->k_h - 1) * s->dil_h < s->in_h
                       && s->out_w - 1 + (s->k_w - 1) * s->dil_w < s->in_w;
    int32_t most;
    if (inside && s->stride_w == 1 && s->stride_h == 1 && (s->out_h == 1 || s->in_w <= 2 * s->out_w)) {
        b->layout = EK_IN_PLACE;
        b->rows = ek_max(1, ek_min(s->out_h, EK_NEAR / outputs / s->out_w));
        b->columns = s->out_h == 1 ? ek_near_columns(s->out_w, outputs) : s->out_w;
        b->pitch = s->in_w;
        b->block = EK_BLOCK_TAPS;
        return;
    }
    for (int32_t taps = EK_SUM_TAPS; taps > 0; taps = taps > 96 ? taps - 80 : 0) { /* long sums, but of some rows */
        const int32_t want = ek_max(1, ek_min(inputs, taps / kernel));
        const int fits = ek_by_planes(s, EK_BANDS_ROOM, want, 1, 4 * EK_LANES, b);
        if (fits && b->block >= want * kernel && (taps == 96 || b->rows >= ek_min(s->out_h, 3))) {
            return;
        }
    }
    for (int32_t taps = 96; taps >= 48; taps -= 16) { /* of whole rows, or else of equal parts of them */
        const int32_t want = ek_max(1, ek_min(inputs, taps / kernel));
        if (ek_by_planes(s, EK_BANDS_ROOM, want, want, s->out_w, b)) {
            return;
        }
    }
    most = ek_max(1, ek_min(inputs, 96 / kernel));
    if (ek_by_planes(s, EK_BANDS_ROOM, most, most, 4 * EK_LANES, b)) {
        ek_equal_columns(s->out_w, b);
        return;
    }
    if (ek_by_planes(s, EK_BANDS_ROOM, most, 1, 4 * EK_LANES, b)) {
        return;
    }
    b->layout = EK_BY_TAPS;
    b->columns = ek_min(s->out_w, EK_BANDS_ROOM / 64);
    b->rows = b->columns < s->out_w ? 1 : ek_max(1, ek_min(s->out_h, EK_BANDS_ROOM / 64 / s->out_w));
    b->pitch = b->columns;
    b->block = ek_min(EK_BLOCK_TAPS, EK_BANDS_ROOM / (b->rows * b->columns));
}

/* offset [count] of taps from.. of a group, behind the first one's channel or the band's first float. */
static inline void ek_tap_offsets(const ek_conv_shape *s, const ek_bands *b, int32_t from, int32_t count,
                                  int32_t *offset)
{
    const int32_t size = b->layout == EK_BY_PLANES ? b->height * b->pitch : 0;
    int32_t kx = from % s->k_w, ky = from / s->k_w % s->k_h, c = 0;
    for (int32_t t = 0; t < count; t++) {
        const int32_t down = ky * s->dil_h, right = kx * s->dil_w;
        if (b->layout == EK_IN_PLACE) {
            offset[t] = (c * s->in_h + down) * s->in_w + right;
        } else if (b->layout == EK_BY_TAPS) {
            offset[t] = t * b->rows * b->pitch;
        } else {
            const int32_t plane = b->down[down % s->stride_h] * b->across + b->right[right % s->stride_w];
            offset[t] = (c * b->planes + plane) * size + down / s->stride_h * b->pitch + right / s->stride_w;
        }
        if (++kx == s->k_w) {
            kx = 0;
            if (++ky == s->k_h) {
                ky = 0;
                c++;
            }
        }
    }
}

#ifdef EK_COLUMNS_APART
/* even, odd [rows][width]: the same with strides of 2 of the planes at ix and ix + 1, which share what is loaded. */
static inline void ek_rows_of_planes(const float *x, const ek_conv_shape *s, int32_t iy, int32_t ix, int32_t rows,
                                     int32_t width, float *even, float *odd)
{
    for (int32_t j = 0; j < width; j += EK_LANES) {
        const int32_t at = ix + 2 * j, behind = at + EK_LANES, n = width - j;
        const ek_range low = ek_range_of(ek_min(ek_max(-at, 0), EK_LANES), ek_max(ek_min(s->in_w - at, EK_LANES), 0));
        const ek_range high = ek_range_of(ek_min(ek_max(-behind, 0), EK_LANES), ek_max(ek_min(s->in_w - behind, EK_LANES), 0));
        for (int32_t h = 0, down = iy; h < rows; h++, down += s->stride_h) {
            const float *const row = x + (ptrdiff_t)down * s->in_w + at;
            ek_v first = ek_v_zero(), second = first;
            if (down >= 0 && down < s->in_h) {
                first = ek_v_load_in(row, low);
                second = ek_v_load_in(row + EK_LANES, high);
            }
            if (n >= EK_LANES) {
                ek_v_store(even + h * width + j, ek_v_even(first, second));
                ek_v_store(odd + h * width + j, ek_v_odd(first, second));
            } else {
                ek_v_store_some(even + h * width + j, ek_v_even(first, second), n);
                ek_v_store_some(odd + h * width + j, ek_v_odd(first, second), n);
            }
        }
    }
}
#endif

/* Lay out the block of taps from.. of the band with output (oy, ox) first; x is the group's. */
static inline void ek_bands_fill(const float *x, const ek_conv_shape *s, const ek_bands *b, int32_t oy, int32_t ox,
                                int32_t from, int32_t count, float *band)
{
    const int32_t kernel = s->k_h * s->k_w, top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t size = b->height * b->pitch;
#ifdef EK_COLUMNS_APART
    const int32_t both = s->stride_w == 2 && b->layout == EK_BY_PLANES && b->across == 2;
#else
    const int32_t both = 0;
#endif
    for (int32_t t = from; t < from + count && b->layout == EK_BY_TAPS; t++, band += b->rows * b->pitch) {
        const int32_t ky = t / s->k_w % s->k_h, kx = t % s->k_w;
        ek_rows_of_plane(x + t / kernel * plane, s, top + ky * s->dil_h, left + kx * s->dil_w, b->rows, b->pitch, band);
    }
    for (int32_t c = from / kernel; c * kernel < from + count && b->layout == EK_BY_PLANES; c++) {
        for (int32_t i = 0; i < s->stride_h; i++) {
#ifdef EK_COLUMNS_APART
            if (both && b->down[i] >= 0) {
                ek_rows_of_planes(x + c * plane, s, top + i, left, b->height, b->pitch, band, band + size);
                band += 2 * size;
            }
#endif
            for (int32_t j = 0; j < s->stride_w && !both; j++) {
                if (b->down[i] >= 0 && b->right[j] >= 0) {
                    ek_rows_of_plane(x + c * plane, s, top + i, left + j, b->height, b->pitch, band);
                    band += size;
                }
            }
        }
    }
    for (int32_t j = 0; j < EK_BANDS_SLACK; j += EK_LANES) {
        ek_v_store(band + j, ek_v_zero());
    }
}

/* Vectors of positions: which of each are outputs, whether all are, where those begin in y and the vectors in a row. */
typedef struct {
    int32_t whole;
    uint32_t in[EK_MOST_VECTORS];
    int32_t at[EK_MOST_VECTORS], from[EK_MOST_VECTORS];
} ek_places;

/* Places of `vectors` vectors from number `first` on, of which each row of outputs has as many, without a rest. */
static inline void ek_places_in_rows(int32_t first, int32_t pitch, int32_t columns, int32_t vectors, ek_places *p)
{
    const int32_t across = columns / EK_LANES;
    int32_t row = first / across, column = first % across * EK_LANES;
    p->whole = 1;
    for (int32_t v = 0; v < vectors; v++) {
        p->in[v] = EK_ALL_IN;
        p->at[v] = row * columns + column;
        p->from[v] = row * pitch + column;
        column += EK_LANES;
        if (column == columns) {
            column = 0;
            row++;
        }
    }
}

/* Places of `vectors` vectors from position `first` on, of n positions in rows `pitch` apart of which `columns` are
 * outputs. */
static inline void ek_places_of(int32_t first, int32_t n, int32_t pitch, int32_t columns, int32_t vectors, ek_places *p)
{
    int32_t row = first / pitch, column = first % pitch;
    p->whole = 1;
    for (int32_t v = 0; v < vectors; v++, first += EK_LANES) {
        const int32_t lanes = ek_min(EK_LANES, n - first);
        p->at[v] = row * columns + ek_min(column, columns);
        p->from[v] = first;
        p->in[v] = 0;
        for (int32_t j = 0, run; j < lanes; j += run) { /* of one row */
            const int32_t inside = ek_max(ek_min(columns - column, lanes - j), 0);
            run = ek_min(pitch - column, lanes - j);
            p->in[v] |= ((1u << inside) - 1u) << j;
            column = column + run == pitch ? 0 : column + run;
            row += column == 0;
        }
        p->whole = p->whole && p->in[v] == EK_ALL_IN;
    }
}

#endif
