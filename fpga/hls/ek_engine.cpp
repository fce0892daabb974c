// The sequence of a program's layers, and a dataflow region for each kind of layer.
#include "ek_engine.h"

#include "ek_memory.h"
#include "ek_paths.h"
#include "ek_program.h"

static void run_band(const uint32_t *program, const layer_t &layer, const band_t &band,
                     const plane_t planes[PLANE_ROWS], const pixel_t *image, const beat_t *dram_read,
                     beat_t *dram_write, buffer_t buffer)
{
#pragma HLS DATAFLOW
    beats_t x;
    rows_t rows;
    scalings_stream_t scalings;
    columns_t y;
    EK_REGION
    EK_PROCESS(load_group(program, layer, band, rows, scalings));
    EK_PROCESS(fetch_taps(layer, band.row, band.rows, 1, layer.planes.to_int(), layer.x_zero, planes, image, dram_read,
                          buffer, x));
    EK_PROCESS(dense(layer, band, rows, scalings, x, y));
    EK_PROCESS(store_columns(layer, band, y, dram_write, buffer));
}

static void run_pass(const layer_t &layer, int first, int count, const tables_t &tables,
                     const plane_t planes[PLANE_ROWS], const pixel_t *image, const beat_t *dram_read,
                     beat_t *dram_write, buffer_t buffer)
{
#pragma HLS DATAFLOW
    beats_t x;
    dilations_t d;
    beats_t y;
    EK_REGION
    EK_PROCESS(fetch_rows(layer, first, count, planes, image, dram_read, buffer, x, d));
    EK_PROCESS(depthwise(layer, count, tables, x, d, y));
    EK_PROCESS(store_beats(layer, first, 1, count, y, dram_write, buffer));
}

static void run_pool(const layer_t &layer, const plane_t planes[PLANE_ROWS], const pixel_t *image,
                     const beat_t *dram_read, beat_t *dram_write, buffer_t buffer)
{
#pragma HLS DATAFLOW
    beats_t x;
    beats_t y;
    EK_REGION
    EK_PROCESS(fetch_taps(layer, 0, out_height_of(layer), layer.planes.to_int(), 1, act_t(-128), planes, image,
                          dram_read, buffer, x));
    EK_PROCESS(pool(layer, x, y));
    EK_PROCESS(store_beats(layer, 0, layer.planes.to_int(), 1, y, dram_write, buffer));
}

// Groups of a dense layer, in bands: while one is computed, the weights of the next are read.
static void run_dense(const uint32_t *program, const layer_t &layer, const plane_t planes[PLANE_ROWS],
                      const pixel_t *image, const beat_t *dram_read, beat_t *dram_write, buffer_t buffer)
{
    const int groups = int(layer.groups), height = out_height_of(layer);
    const int row_beats = out_width_of(layer) * int(layer.beats);
    const int most = row_beats < BAND_BEATS ? BAND_BEATS / row_beats : 1;
    for (int group = -1; group < groups; group++) {
        const int end = group < 0 ? 1 : height;
        for (int row = 0; row < end; row += most) {
            band_t band;
            band.group = group;
            band.row = row;
            band.rows = group < 0 ? 0 : end - row < most ? end - row : most;
            band.loads = row == 0 && group + 1 < groups;
            run_band(program, layer, band, planes, image, dram_read, dram_write, buffer);
        }
    }
}

// Passes of a depthwise layer: as many planes as the line buffer and the tables hold.
static void run_depthwise(const uint32_t *program, const layer_t &layer, const plane_t planes[PLANE_ROWS],
                          const pixel_t *image, const beat_t *dram_read, beat_t *dram_write, buffer_t buffer)
{
    static tables_t tables;
#pragma HLS ARRAY_PARTITION variable=tables.tap dim=2 type=complete
#pragma HLS ARRAY_PARTITION variable=tables.tap dim=3 type=complete
#pragma HLS ARRAY_PARTITION variable=tables.scaling dim=2 type=complete
    const int all = layer.planes.to_int(), most = int(layer.groups_per_pass);
    for (int first = 0; first < all; first += most) {
#pragma HLS LOOP_TRIPCOUNT max=PLANE_ROWS
        const int count = all - first < most ? all - first : most;
        load_tables(program, layer, first, count, tables);
        run_pass(layer, first, count, tables, planes, image, dram_read, dram_write, buffer);
    }
}

uint32_t ek_engine(const uint32_t *program, const pixel_t *image, const beat_t *dram_read, beat_t *dram_write,
                   uint32_t first_layer, uint32_t layers)
{
#pragma HLS INTERFACE mode=m_axi port=program bundle=program offset=slave depth=WORDS
#pragma HLS INTERFACE mode=m_axi port=image bundle=image offset=slave depth=IMAGE_PIXELS
#pragma HLS INTERFACE mode=m_axi port=dram_read bundle=dram_read offset=slave depth=DRAM_BEATS
#pragma HLS INTERFACE mode=m_axi port=dram_write bundle=dram_write offset=slave depth=DRAM_BEATS
#pragma HLS INTERFACE mode=s_axilite port=program
#pragma HLS INTERFACE mode=s_axilite port=image
#pragma HLS INTERFACE mode=s_axilite port=dram_read
#pragma HLS INTERFACE mode=s_axilite port=dram_write
#pragma HLS INTERFACE mode=s_axilite port=first_layer
#pragma HLS INTERFACE mode=s_axilite port=layers
#pragma HLS INTERFACE mode=s_axilite port=return
    static buffer_t buffer;
#pragma HLS DISAGGREGATE variable=buffer
#pragma HLS ARRAY_PARTITION variable=buffer.lane dim=2 type=complete
#pragma HLS BIND_STORAGE variable=buffer type=ram_s2p impl=bram
#pragma HLS STREAM variable=buffer type=unsync
    plane_t planes[PLANE_ROWS];
    limits_t limits;
    uint32_t error = read_header(program, limits), number = first_layer;
    if (error == ERROR_NONE && (layers == 0 || uint64_t(first_layer) + layers > limits.layers)) {
        error = ERROR_LAYERS;
    }
    for (uint32_t i = 0; i < layers && error == ERROR_NONE; i++) {
        layer_t layer;
        number = first_layer + i;
        error = read_layer(program, int(number), limits, layer, planes);
        if (error == ERROR_NONE) {
            if (layer.path == PATH_DENSE) {
                run_dense(program, layer, planes, image, dram_read, dram_write, buffer);
            } else if (layer.path == PATH_DEPTHWISE) {
                run_depthwise(program, layer, planes, image, dram_read, dram_write, buffer);
            } else {
                run_pool(layer, planes, image, dram_read, dram_write, buffer);
            }
        }
    }
    return error | number << 16;
}
