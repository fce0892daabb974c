// Beats of the memories that layers read, and the processes that read and write them.
#ifndef EDGEKIT_MEMORY_H
#define EDGEKIT_MEMORY_H
#include "ek_types.h"

// A process: the beats of a dense layer's band, or of a pool's planes: for each of `outers` planes of a pool, for each
// pixel of `rows` rows of the result from `row` on, for each tap of the kernel, for each of `planes` planes. Taps
// outside of the picture are `padding`.
void fetch_taps(const layer_t &layer, int row, int rows, int outers, int planes, act_t padding,
                const plane_t table[PLANE_ROWS], const pixel_t *image, const beat_t *dram, const buffer_t buffer,
                beats_t &x);

// A process: the beats of `count` planes of a depthwise layer from plane `first` on, pixel by pixel, and d of the pixel
// that lies `lead` rows before, a read in each cycle.
void fetch_rows(const layer_t &layer, int first, int count, const plane_t table[PLANE_ROWS], const pixel_t *image,
                const beat_t *dram, const buffer_t buffer, beats_t &x, dilations_t &d);

// A process: results of the dense array's band.
void store_columns(const layer_t &layer, const band_t &band, columns_t &y, beat_t *dram, buffer_t buffer);

// A process: results of `outers` times all pixels, of each `parts` planes one after another, from plane `first` on.
void store_beats(const layer_t &layer, int first, int outers, int parts, beats_t &y, beat_t *dram, buffer_t buffer);
#endif
