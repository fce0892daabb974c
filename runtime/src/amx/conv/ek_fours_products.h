/* Outputs of some vectors of positions of ek_conv_fours.h by the tiles of AMX. */
#if EK_BITS(EK_X) == 8 && !defined(EK_ROWS_W4_GUARD) /* int4 weights are not packed for them */
#include "ek_conv_amx.h"

/* A call: elements, and where some vectors of positions are and their outputs. */
typedef struct {
    ek_fours f;
    const ek_fours_from *from;
    const ek_fours_at *at;
    int32_t vectors;
    EK_Y *y;
} ek_fours_call;

/* to [count][vectors] = the positions at taps number first.., [channels][taps]; `over`: some lanes have those of the next
 * row. */
EK_INLINE void ek_fours_taps(const ek_fours_call *call, int32_t first, int32_t count, int32_t vectors, int over, __m512i *to)
{
    const ek_fours_from *const from = call->from;
    const int32_t *const at = from->at[0], *const offset = call->f.offset, kernel = call->f.kernel;
    const ptrdiff_t step = call->f.step, gap = from->gap;
    const ptrdiff_t behind[3] = {0, from->apart && vectors > 1 ? from->at[1] - at : 16,
                                 from->apart && vectors > 2 ? from->at[2] - at : 32};
    const __mmask16 next[3] = {from->next[0], from->next[1], from->next[2]};
    const __m512i *const end = to + count * vectors;
    for (int32_t c = first / kernel, t = first % kernel; to < end; c++, t = 0) {
        for (; t < kernel && to < end; t++, to += vectors) {
            const int32_t *const x = at + c * step + offset[t];
            EK_UNROLLED
            for (int32_t v = 0; v < vectors; v++) {
                const __m512i taken = _mm512_loadu_si512(x + behind[v]);
                to[v] = over ? _mm512_mask_loadu_epi32(taken, next[v], x + behind[v] + gap) : taken;
            }
        }
    }
}

EK_INLINE const __m512i *ek_fours_part(const void *call, int32_t first, int32_t count, __m512i *room)
{
    const ek_fours_call *const c = (const ek_fours_call *)call;
    const ek_fours_from *const from = c->from;
    if (from->apart && (from->next[0] | from->next[1] | from->next[2])) {
        ek_fours_taps(c, first, count, c->vectors, 1, room);
    } else {
        ek_fours_taps(c, first, count, c->vectors, 0, room);
    }
    ek_amx_fill_up(room, count, c->vectors);
    return room;
}

EK_INLINE void ek_fours_make(const void *call, int32_t o, const __m512i *sums)
{
    const ek_fours_call *const c = (const ek_fours_call *)call;
    ek_fours_outputs(sums, 1, c->vectors, &c->f, o, c->at, c->y + o * c->f.plane);
}

/* All outputs of these positions. */
EK_INLINE void ek_fours_amx(const ek_fours *f, const ek_fours_from *from, const ek_fours_at *p, int32_t vectors, EK_Y *y)
{
    const ek_fours_call call = {*f, from, p, vectors, y}; /* its elements stores cannot change */
    const ek_amx_layer layer = {f->w, f->bias, f->count * f->kernel, f->outputs, vectors, &call, ek_fours_part, ek_fours_make};
    ek_amx_strip(&layer);
}

static __attribute__((noinline)) void ek_fours_amx_1(const ek_fours *f, const ek_fours_from *from, const ek_fours_at *p, EK_Y *y)
{
    ek_fours_amx(f, from, p, 1, y);
}

static __attribute__((noinline)) void ek_fours_amx_2(const ek_fours *f, const ek_fours_from *from, const ek_fours_at *p, EK_Y *y)
{
    ek_fours_amx(f, from, p, 2, y);
}

static __attribute__((noinline)) void ek_fours_amx_3(const ek_fours *f, const ek_fours_from *from, const ek_fours_at *p, EK_Y *y)
{
    ek_fours_amx(f, from, p, 3, y);
}

/* The same of so many vectors; says whether it takes them, and does nothing where not. */
static inline int ek_fours_by_tiles(const ek_fours *f, const ek_fours_from *from, const ek_fours_at *p, int32_t vectors, EK_Y *y)
{
    if (!ek_amx_takes(f->count * f->kernel, f->outputs, f->plane)) {
        return 0;
    }
    (vectors == 3 ? ek_fours_amx_3 : vectors == 2 ? ek_fours_amx_2 : ek_fours_amx_1)(f, from, p, y);
    return 1;
}

#define EK_FOURS_PRODUCTS ek_fours_by_tiles
#define EK_FOURS_BEGIN ek_amx_begin
#define EK_FOURS_END ek_amx_end
#define EK_FOURS_GROUP ek_amx_group
#endif
