#include "ek_driver.h"

#include <string.h>

enum { START = 1, ABORT = 2, BUSY = 1, ENDED = 2, CLEAR = 2 };

static uint32_t get(const ek_engine *engine, uint32_t at)
{
    return engine->platform->read(engine->platform->context, at);
}

static void set(const ek_engine *engine, uint32_t at, uint32_t value)
{
    engine->platform->write(engine->platform->context, at, value);
}

static void to_engine(const ek_engine *engine, uint32_t at, size_t bytes)
{
    if (engine->platform->to_engine != NULL) {
        engine->platform->to_engine(engine->platform->context, engine->memory + at, bytes);
    }
}

static void from_engine(const ek_engine *engine, uint32_t at, size_t bytes)
{
    if (engine->platform->from_engine != NULL) {
        engine->platform->from_engine(engine->platform->context, engine->memory + at, bytes);
    }
}

/* CRC-32 as zlib's. */
static uint32_t digest(const uint32_t *words, uint32_t count)
{
    uint32_t crc = 0xffffffffu;
    for (uint32_t i = 0; i < count; i++) {
        for (int byte = 0; byte < 4; byte++) {
            crc ^= words[i] >> (8 * byte) & 0xffu;
            for (int bit = 0; bit < 8; bit++) {
                crc = crc >> 1 ^ (crc & 1u ? 0xedb88320u : 0u);
            }
        }
    }
    return ~crc;
}

static int program_error(const uint32_t *program, uint32_t words)
{
    if (words <= EK_HEADER_WORDS || program[EK_PROGRAM_MAGIC] != EK_MAGIC) {
        return EK_ERROR_MAGIC;
    }
    if (program[EK_PROGRAM_VERSION] != EK_VERSION) {
        return EK_ERROR_VERSION;
    }
    if (program[EK_PROGRAM_LANES] != EK_ENGINE) {
        return EK_ERROR_ENGINE;
    }
    if (words != EK_PROGRAM_COUNT || program[EK_PROGRAM_WORDS] != words) {
        return EK_ERROR_MEMORY;
    }
    if (program[EK_PROGRAM_DIGEST] != digest(program + EK_DIGEST_FROM, words - EK_DIGEST_FROM)) {
        return EK_ERROR_DIGEST;
    }
    return EK_OK;
}

int ek_open(ek_engine *engine, const ek_platform *platform, void *memory, uint32_t address, const uint32_t *program,
            uint32_t words)
{
    engine->platform = platform;
    engine->memory = memory;
    engine->address = address;
    if (address % EK_LINE_BYTES != 0) {
        return EK_MISALIGNED;
    }
    if (get(engine, EK_REGISTER_ENGINE) != EK_ENGINE || get(engine, EK_REGISTER_VERSION) != EK_VERSION) {
        return EK_OTHER_ENGINE;
    }
    const int error = program_error(program, words);
    if (error != EK_OK) {
        return error;
    }
    if (ek_status(engine).busy) {
        return EK_BUSY;
    }
    memcpy(engine->memory, program, (size_t)words * 4);
    to_engine(engine, 0, (size_t)words * 4);
    set(engine, EK_REGISTER_PROGRAM, address);
    set(engine, EK_REGISTER_IMAGE, address + EK_IMAGE_AT);
    set(engine, EK_REGISTER_DRAM, address + EK_DRAM_AT);
    return EK_OK;
}

ek_state ek_status(const ek_engine *engine)
{
    const uint32_t status = get(engine, EK_REGISTER_STATUS);
    const ek_state state = {(status & BUSY) != 0, (status & ENDED) != 0, (int)(status >> 8 & 15u), (int)(status >> 16)};
    return state;
}

int ek_start(const ek_engine *engine, uint32_t first, uint32_t layers)
{
    if (ek_status(engine).busy) {
        return EK_BUSY;
    }
    set(engine, EK_REGISTER_LAYERS, first | layers << 16);
    set(engine, EK_REGISTER_CONTROL, START);
    return EK_OK;
}

int ek_wait(const ek_engine *engine)
{
    for (;;) {
        const ek_state state = ek_status(engine);
        if (!state.busy) {
            set(engine, EK_REGISTER_INTERRUPT, (get(engine, EK_REGISTER_INTERRUPT) & 1u) | CLEAR);
            return state.error;
        }
        if (engine->platform->idle != NULL && engine->platform->idle(engine->platform->context) != 0) {
            return EK_GAVE_UP;
        }
    }
}

int ek_abort(const ek_engine *engine)
{
    set(engine, EK_REGISTER_CONTROL, ABORT);
    return ek_wait(engine);
}

ek_counters ek_count(const ek_engine *engine)
{
    const ek_counters counters = {get(engine, EK_REGISTER_CYCLES), get(engine, EK_REGISTER_STALLS)};
    return counters;
}

void ek_interrupt(const ek_engine *engine, int enabled)
{
    set(engine, EK_REGISTER_INTERRUPT, enabled != 0);
}

int ek_run(const ek_engine *engine, uint32_t first, uint32_t layers)
{
    const int error = ek_start(engine, first, layers);
    return error != EK_OK ? error : ek_wait(engine);
}

/* NaN is 0; beyond int8 anything beyond will do. */
static int32_t nearest_even(float x)
{
    if (!(x > -1000.0f)) {
        return x < 0.0f ? -1000 : 0;
    }
    if (x > 1000.0f) {
        return 1000;
    }
    int32_t whole = (int32_t)x;
    const float rest = x - (float)whole;
    if (rest > 0.5f || (rest == 0.5f && whole % 2 != 0)) {
        whole++;
    } else if (rest < -0.5f || (rest == -0.5f && whole % 2 != 0)) {
        whole--;
    }
    return whole;
}

static uint8_t stored(const ek_port *port, float x)
{
    const int32_t value = nearest_even(x / port->scale) + port->zero_point;
    return (uint8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

static uint32_t byte_of(const ek_port *port, uint32_t channel, uint32_t y, uint32_t x)
{
    const ek_channel place = port->place[channel];
    return place.byte + EK_LANES * (y / place.repeat * (port->width / place.repeat) + x / place.repeat);
}

void ek_put_image(const ek_engine *engine, const ek_port *port, const float *x)
{
    const uint32_t pixels = port->height * port->width;
    const uint32_t planes = (port->channels + EK_IMAGE_LANES - 1) / EK_IMAGE_LANES;
    uint8_t *const image = engine->memory + EK_IMAGE_AT;
    memset(image, 0, (size_t)planes * pixels * EK_IMAGE_LANES);
    for (uint32_t c = 0; c < port->channels; c++) {
        uint8_t *const plane = image + (size_t)(c / EK_IMAGE_LANES) * pixels * EK_IMAGE_LANES + c % EK_IMAGE_LANES;
        for (uint32_t i = 0; i < pixels; i++) {
            plane[i * EK_IMAGE_LANES] = stored(port, x[c * pixels + i]);
        }
    }
    to_engine(engine, EK_IMAGE_AT, (size_t)planes * pixels * EK_IMAGE_LANES);
}

void ek_put(const ek_engine *engine, const ek_port *port, const float *x)
{
    uint8_t *const dram = engine->memory + EK_DRAM_AT;
    for (uint32_t c = 0; c < port->channels; c++) {
        for (uint32_t y = 0; y < port->height; y++) {
            for (uint32_t i = 0; i < port->width; i++) {
                dram[byte_of(port, c, y, i)] = stored(port, *x++);
            }
        }
    }
    to_engine(engine, EK_DRAM_AT, EK_DRAM_BYTES);
}

void ek_get(const ek_engine *engine, const ek_port *port, float *x)
{
    const uint8_t *const dram = engine->memory + EK_DRAM_AT;
    from_engine(engine, EK_DRAM_AT, EK_DRAM_BYTES);
    for (uint32_t c = 0; c < port->channels; c++) {
        for (uint32_t y = 0; y < port->height; y++) {
            for (uint32_t i = 0; i < port->width; i++) {
                const int32_t value = (int8_t)dram[byte_of(port, c, y, i)];
                *x++ = port->scale * (float)(value - port->zero_point);
            }
        }
    }
}
