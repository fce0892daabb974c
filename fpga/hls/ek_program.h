// program.bin: docs/reference/fpga-program.md of EdgeKit describes its words, program_format.h where each number is.
#ifndef EDGEKIT_PROGRAM_H
#define EDGEKIT_PROGRAM_H
#include "ek_types.h"

// The memory map of a program's header; returns one of the ERRORs where this engine cannot run it.
int read_header(const uint32_t *program, limits_t &limits);

// The record of layer `number`, and the addresses of the planes that it reads; returns an ERROR where an address or a
// size is outside of the memories.
int read_layer(const uint32_t *program, int number, const limits_t &limits, layer_t &layer, plane_t planes[PLANE_ROWS]);

// A process: the rows of weights and the scalings of the group after a band's, if the band loads them.
void load_group(const uint32_t *program, const layer_t &layer, const band_t &band, rows_t &rows,
                scalings_stream_t &scalings);

// The tables of `count` planes of a depthwise layer, from plane `first` on.
void load_tables(const uint32_t *program, const layer_t &layer, int first, int count, tables_t &tables);
#endif
