/* The driver of an engine, see docs/reference/fpga-program.md: C99, freestanding but for memcpy, no heap, no static state.
 *
 * The engine reads its program and its input, and reads and writes DRAM, in one block of memory that the CPU sees too. The CPU
 * writes before a run begins and reads after it has ended, and in between touches nothing of the block: `to_engine` stands behind
 * the CPU's last write, `from_engine` before its first read. */
#ifndef EK_DRIVER_H
#define EK_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "ek_build.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a driver needs of the machine that it runs on. */
typedef struct {
    void *context;                                                        /* handed to every function */
    uint32_t (*read)(void *context, uint32_t address);                    /* a register, by its address */
    void (*write)(void *context, uint32_t address, uint32_t value);
    void (*to_engine)(void *context, const void *data, size_t bytes);     /* writes the CPU's cache back; may be NULL */
    void (*from_engine)(void *context, void *data, size_t bytes);         /* forgets what the CPU's cache has; may be NULL */
    int (*idle)(void *context); /* while a run goes on: sleeps until the interrupt, or returns at once; not 0: gives up */
} ek_platform;

typedef struct {
    const ek_platform *platform;
    uint8_t *memory;  /* EK_MEMORY_BYTES as the CPU sees them */
    uint32_t address; /* the same, as the engine does: a multiple of 64 */
} ek_engine;

typedef struct {
    int busy;   /* a run goes on */
    int ended;  /* one has ended since it was last asked to begin */
    int error;  /* of the run, one of EK_ERROR_... */
    int layer;  /* of the program that it is at */
} ek_state;

typedef struct {
    uint32_t cycles; /* of the last run */
    uint32_t stalls; /* of these, in which a data path waited */
} ek_counters;

/* What functions return: 0, an error of the engine (EK_ERROR_...), or one of the driver. */
enum {
    EK_OK = 0,
    EK_OTHER_ENGINE = 16, /* the registers are of another engine, or of none */
    EK_MISALIGNED,        /* the memory begins at no multiple of 64 */
    EK_BUSY,              /* a run goes on */
    EK_GAVE_UP,           /* `idle` did; the run goes on: ek_abort ends it */
    EK_CPU                /* a part of the CPU refused its memory */
};

/* A channel in DRAM: pixel (y, x) is the byte `byte + EK_LANES * ((y / repeat) * (width / repeat) + x / repeat)`. */
typedef struct {
    uint32_t byte, repeat;
} ek_channel;

/* A tensor [channels][height][width]: real = scale * (stored - zero_point). */
typedef struct {
    uint32_t channels, height, width;
    float scale;
    int32_t zero_point;
    const ek_channel *place; /* of each channel; the input has none */
} ek_port;

/* Looks whether the registers are this build's engine, whether program.bin, of so many words, is one for it, and copies it. */
int ek_open(ek_engine *engine, const ek_platform *platform, void *memory, uint32_t address, const uint32_t *program,
            uint32_t words);

/* Begins a run of `layers` layers from `first` on; EK_BUSY where one goes on. */
int ek_start(const ek_engine *engine, uint32_t first, uint32_t layers);
ek_state ek_status(const ek_engine *engine);

/* Waits for the end of a run; returns its error. */
int ek_wait(const ek_engine *engine);

/* Ends a run, and waits until memory has answered for all that was asked. */
int ek_abort(const ek_engine *engine);
ek_counters ek_count(const ek_engine *engine);

/* Lets the engine raise its interrupt when a run ends, or not. */
void ek_interrupt(const ek_engine *engine, int enabled);

/* Starts a run and waits for it. */
int ek_run(const ek_engine *engine, uint32_t first, uint32_t layers);

/* The input, quantized as saturate(round_half_even(x / scale) + zero_point); NaN is zero_point. */
void ek_put_image(const ek_engine *engine, const ek_port *port, const float *x);
void ek_put(const ek_engine *engine, const ek_port *port, const float *x);
void ek_get(const ek_engine *engine, const ek_port *port, float *x);

#ifdef __cplusplus
}
#endif

#endif
