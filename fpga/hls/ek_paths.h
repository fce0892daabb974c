// The data paths: a process each.
#ifndef EDGEKIT_PATHS_H
#define EDGEKIT_PATHS_H
#include "ek_types.h"

// A band of a dense layer: each result takes layer.beats beats. Meanwhile the other bank of weights is filled with
// those of the next group.
void dense(const layer_t &layer, const band_t &band, rows_t &rows, scalings_stream_t &scalings, beats_t &x,
           columns_t &y);

// A pass of `groups` planes: 3x3 taps at distance d. A line buffer leads the result by rows: one more than the largest
// d, because the row being written cannot be read.
void depthwise(const layer_t &layer, int groups, const tables_t &tables, beats_t &x, dilations_t &d, beats_t &y);

// The largest of each lane over a pixel's taps.
void pool(const layer_t &layer, beats_t &x, beats_t &y);
#endif
