/* A network between two ends of a sound device that runs at another rate, for blocks of any length.
 *
 * The rates are device * up = network * down. Both ways go through one low-pass filter taps [count], as if the samples
 * stood among zeros at that common rate: a sum reads every `up`-th tap on the way in, every `down`-th on the way out.
 * Whatever comes in at once, one sample in gives one sample out, `lead` samples and the filters' delay later. */
#ifndef EK_DEVICE_H
#define EK_DEVICE_H

#include "edgekit.h"

/* A stream: its channels, and their strides and those of frames in the network's block of a hop. */
typedef struct {
    int32_t channels, channel, frame;
} ek_device_stream;

typedef struct {
    const float *taps;
    int32_t count, up, down;
    int32_t hop;              /* samples of the network in a call */
    int32_t inputs, outputs;  /* channels of all streams together; 0 outputs where the network gives no sound */
    const ek_device_stream *in, *out;
    int32_t ins, outs;        /* streams */
    int32_t lead;             /* samples of silence before the first output */
    int32_t past_in, past_out;     /* samples that are kept of each channel */
} ek_device;

/* In front of float past_in [inputs][2 * past_in], in [inputs * hop], out [outputs * hop],
 * past_out [outputs][past_out + hop]. In `in` and `out` the blocks of the streams stand one behind the other. */
typedef struct {
    int32_t in_phase, in_place, filled, silent, out_phase, out_at;
} ek_device_state;

/* Runs a hop of the network: 0, or its error. */
typedef int (*ek_device_hop)(const void *context, const float *in, float *out);

/* A block of the device: float or 16-bit samples [frames][channels] of each stream. */
typedef struct {
    const void *const *in;
    void *const *out;
    int32_t is_s16;
} ek_device_block;

static void ek_device_reset(const ek_device *d, ek_device_state *s)
{
    const int32_t floats = d->inputs * (2 * d->past_in + d->hop) + d->outputs * (d->past_out + 2 * d->hop);
    memset(s, 0, sizeof *s + (size_t)floats * sizeof(float));
    s->in_phase = d->up;
    s->silent = d->lead;
    s->out_at = d->past_out + d->hop;
}

/* taps[phase], taps[phase + step] ... times the newest sample and those before it, in this order. */
static float ek_device_sum(const ek_device *d, int32_t phase, int32_t step, const float *newest)
{
    float sum = 0.0f;
    for (int32_t i = phase, back = 0; i < d->count; i += step, back++) {
        sum += d->taps[i] * newest[-back];
    }
    return sum * (float)step;
}

/* Take a hop of the network into past_out, whose oldest hop goes. */
static void ek_device_keep(const ek_device *d, ek_device_state *s, const float *made, float *past)
{
    float *row = past;
    for (int32_t i = 0; i < d->outs; i++) {
        for (int32_t c = 0; c < d->out[i].channels; c++) {
            memmove(row, row + d->hop, (size_t)d->past_out * sizeof(float));
            for (int32_t t = 0; t < d->hop; t++) {
                row[d->past_out + t] = made[c * d->out[i].channel + t * d->out[i].frame];
            }
            row += d->past_out + d->hop;
        }
        made += d->out[i].channels * d->hop;
    }
    s->out_at -= d->hop;
}

/* Put a sample of each channel of the device's frame t into its past, twice. */
static void ek_device_hear(const ek_device *d, ek_device_state *s, const ek_device_block *b, int32_t t, float *past)
{
    float *row = past + s->in_place;
    for (int32_t i = 0; i < d->ins; i++) {
        for (int32_t c = 0; c < d->in[i].channels; c++) {
            const int32_t at = t * d->in[i].channels + c;
            row[0] = b->is_s16 ? (float)((const int16_t *)b->in[i])[at] * (1.0f / 32768.0f) : ((const float *)b->in[i])[at];
            row[d->past_in] = row[0];
            row += 2 * d->past_in;
        }
    }
}

/* Sample `filled` of the network's next hop, of each channel. */
static void ek_device_fill(const ek_device *d, const ek_device_state *s, const float *past, float *in)
{
    const float *newest = past + d->past_in + s->in_place;
    for (int32_t i = 0; i < d->ins; i++) {
        for (int32_t c = 0; c < d->in[i].channels; c++) {
            in[c * d->in[i].channel + s->filled * d->in[i].frame] = ek_device_sum(d, s->in_phase, d->up, newest);
            newest += 2 * d->past_in;
        }
        in += d->in[i].channels * d->hop;
    }
}

/* Take frame t of the device, one sample of each channel, and run the hops that it completes. */
static int ek_device_push(const ek_device *d, ek_device_state *s, const ek_device_block *b, int32_t t, ek_device_hop run,
                          const void *context)
{
    float *const past = (float *)(void *)(s + 1), *const in = past + 2 * d->inputs * d->past_in;
    float *const out = in + d->inputs * d->hop, *const kept = out + d->outputs * d->hop;
    ek_device_hear(d, s, b, t, past);
    for (s->in_phase -= d->up; s->in_phase < d->up; s->in_phase += d->down) {
        ek_device_fill(d, s, past, in);
        if (++s->filled == d->hop) {
            const int status = run(context, in, out);
            if (status != 0) {
                return status;
            }
            s->filled = 0;
            ek_device_keep(d, s, out, kept);
        }
    }
    s->in_place = s->in_place + 1 == d->past_in ? 0 : s->in_place + 1;
    return 0;
}

/* A sample to the device: 16-bit ones have full scale 32768, are rounded half to even, and saturate. */
static void ek_device_give(const ek_device_block *b, int32_t stream, int32_t at, float sample)
{
    if (b->is_s16) {
        const float v = sample * 32768.0f, low = v > -32768.0f ? v : -32768.0f;
        ((int16_t *)b->out[stream])[at] = (int16_t)ek_roundf1(low < 32767.0f ? low : 32767.0f);
    } else {
        ((float *)b->out[stream])[at] = sample;
    }
}

/* Give frame t. */
static void ek_device_pop(const ek_device *d, ek_device_state *s, const ek_device_block *b, int32_t t)
{
    const float *newest = (const float *)(const void *)(s + 1) + d->inputs * (2 * d->past_in + d->hop)
                          + d->outputs * d->hop + s->out_at;
    for (int32_t i = 0; i < d->outs; i++) {
        for (int32_t c = 0; c < d->out[i].channels; c++) {
            const float sample = s->silent > 0 ? 0.0f : ek_device_sum(d, s->out_phase, d->down, newest);
            ek_device_give(b, i, t * d->out[i].channels + c, sample);
            newest += d->past_out + d->hop;
        }
    }
    if (s->silent > 0) {
        s->silent--;
        return;
    }
    for (s->out_phase += d->up; s->out_phase >= d->down; s->out_phase -= d->down) {
        s->out_at++;
    }
}

/* Run a block of so many frames. Returns 0, or what the network returned. */
static int ek_device_run(const ek_device *d, ek_device_state *s, ek_device_hop run, const void *context,
                         const ek_device_block *block, int32_t frames)
{
    for (int32_t t = 0; t < frames; t++) {
        const int status = ek_device_push(d, s, block, t, run, context);
        if (status != 0) {
            return status;
        }
        ek_device_pop(d, s, block, t);
    }
    return 0;
}

#endif
