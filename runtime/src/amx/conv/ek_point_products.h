/* Outputs of a tile of ek_conv_pointwise.h by the tiles of AMX. */
#ifndef EK_ROWS_W4_GUARD /* int4 weights are not packed for them */
#include "ek_conv_amx.h"

typedef struct {
    ek_layer layer;
    const __m512i *tile;
    int32_t vectors, is_down, at, n;
} ek_point_call;

EK_INLINE const __m512i *ek_point_part(const void *call, int32_t first, int32_t count, __m512i *room)
{
    const ek_point_call *const c = (const ek_point_call *)call;
    (void)count;
    (void)room;
    return c->tile + first * c->vectors;
}

EK_INLINE void ek_point_make(const void *call, int32_t o, const __m512i *sums)
{
    const ek_point_call *const c = (const ek_point_call *)call;
    EK_Y *const y = c->layer.y + o * c->layer.plane + c->at;
    if (c->vectors == 4) {
        ek_point_outputs(sums, &c->layer, o, c->is_down, y, c->n);
    } else {
        ek_point_outputs_few(*sums, &c->layer, o, c->is_down, y, c->n);
    }
}

/* All channels of a tile; says whether it takes the layer, and does nothing where not. */
EK_INLINE int ek_point_amx(__m512i *tile, const ek_layer *l, int32_t vectors, int is_down, int32_t at, int32_t n)
{
    const ek_point_call call = {*l, tile, vectors, is_down, at, n};
    const ek_amx_layer layer = {l->w, l->bias, (l->inputs + 3) / 4, l->outputs, vectors, &call, ek_point_part, ek_point_make};
    if (!ek_amx_takes(layer.groups, l->outputs, l->plane)) {
        return 0;
    }
    ek_amx_fill_up(tile, layer.groups, vectors);
    ek_amx_strip(&layer);
    return 1;
}

#define EK_POINT_PRODUCTS ek_point_amx
#define EK_POINT_FOUR(left) ((left) > 16)
#define EK_POINT_BEGIN ek_amx_begin
#define EK_POINT_END ek_amx_end
#define EK_POINT_GROUP ek_amx_group
#endif
