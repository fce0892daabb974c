/* A network between two ends of a sound device that runs at another rate, for blocks of any length.
 *
 * The rates are device * up = network * down. Both ways go through one low-pass filter taps [count], as if the samples
 * stood among zeros at that common rate: a sum reads every `up`-th tap on the way in, every `down`-th on the way out.
 * Whatever comes in at once, one sample in gives one sample out, `lead` samples and the filters' delay later. */
#ifndef EK_DEVICE_H
#define EK_DEVICE_H

#include "edgekit.h"

#include <string.h>

typedef struct {
    const float *taps;
    int32_t count, up, down;
    int32_t hop;                   /* samples of the network in a call */
    int32_t inputs, outputs;       /* channels, 1 to 16; 0 outputs where the network gives no sound */
    int32_t in_channel, in_frame;  /* strides in the network's block of a hop */
    int32_t out_channel, out_frame;
    int32_t lead;                  /* samples of silence before the first output */
    int32_t past_in, past_out;     /* samples that are kept of each channel */
} ek_device;

/* In front of float past_in [inputs][2 * past_in], in [inputs * hop], out [outputs * hop],
 * past_out [outputs][past_out + hop]. */
typedef struct {
    int32_t in_phase, in_place, filled, silent, out_phase, out_at;
} ek_device_state;

/* Runs a hop of the network: 0, or its error. */
typedef int (*ek_device_hop)(const void *context, const float *in, float *out);

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

/* Take a sample of the network into past_out, whose oldest hop goes. */
static void ek_device_keep(const ek_device *d, ek_device_state *s, const float *made, float *past)
{
    for (int32_t c = 0; c < d->outputs; c++) {
        float *const row = past + c * (d->past_out + d->hop);
        memmove(row, row + d->hop, (size_t)d->past_out * sizeof(float));
        for (int32_t t = 0; t < d->hop; t++) {
            row[d->past_out + t] = made[c * d->out_channel + t * d->out_frame];
        }
    }
    s->out_at -= d->hop;
}

/* Take a frame of the device, one sample of each channel, and run the hops that it completes. */
static int ek_device_push(const ek_device *d, ek_device_state *s, const float *frame, ek_device_hop run,
                          const void *context)
{
    float *const past = (float *)(void *)(s + 1), *const in = past + 2 * d->inputs * d->past_in;
    float *const out = in + d->inputs * d->hop, *const kept = out + d->outputs * d->hop;
    for (int32_t c = 0; c < d->inputs; c++) {
        float *const row = past + 2 * c * d->past_in;
        row[s->in_place] = row[s->in_place + d->past_in] = frame[c];
    }
    for (s->in_phase -= d->up; s->in_phase < d->up; s->in_phase += d->down) {
        for (int32_t c = 0; c < d->inputs; c++) {
            const float *const newest = past + (2 * c + 1) * d->past_in + s->in_place;
            in[c * d->in_channel + s->filled * d->in_frame] = ek_device_sum(d, s->in_phase, d->up, newest);
        }
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

/* Give the next frame. */
static void ek_device_pop(const ek_device *d, ek_device_state *s, float *frame)
{
    const float *const kept = (const float *)(const void *)(s + 1) + d->inputs * (2 * d->past_in + d->hop)
                              + d->outputs * d->hop;
    for (int32_t c = 0; c < d->outputs; c++) {
        const float *const newest = kept + c * (d->past_out + d->hop) + s->out_at;
        frame[c] = s->silent > 0 ? 0.0f : ek_device_sum(d, s->out_phase, d->down, newest);
    }
    if (s->silent > 0) {
        s->silent--;
        return;
    }
    for (s->out_phase += d->up; s->out_phase >= d->down; s->out_phase -= d->down) {
        s->out_at++;
    }
}

/* Run `frames` of in [frames][inputs] to out [frames][outputs], float or, where the others are NULL, 16-bit samples
 * (full scale 32768, rounded half to even, saturated). Returns 0, or what the network returned. */
static int ek_device_run(const ek_device *d, ek_device_state *s, ek_device_hop run, const void *context, const float *in,
                         const int16_t *in_s16, float *out, int16_t *out_s16, int32_t frames)
{
    float frame[16];
    for (int32_t t = 0; t < frames; t++) {
        int status;
        for (int32_t c = 0; c < d->inputs; c++) {
            const int32_t at = t * d->inputs + c;
            frame[c] = in_s16 != NULL ? (float)in_s16[at] * (1.0f / 32768.0f) : in[at];
        }
        status = ek_device_push(d, s, frame, run, context);
        if (status != 0) {
            return status;
        }
        ek_device_pop(d, s, frame);
        for (int32_t c = 0; c < d->outputs; c++) {
            if (out_s16 != NULL) {
                const float v = frame[c] * 32768.0f, low = v > -32768.0f ? v : -32768.0f;
                out_s16[t * d->outputs + c] = (int16_t)ek_roundf1(low < 32767.0f ? low : 32767.0f);
            } else {
                out[t * d->outputs + c] = frame[c];
            }
        }
    }
    return 0;
}

#endif
