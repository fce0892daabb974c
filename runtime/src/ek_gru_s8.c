#define EK_NAME ek_gru_s8
#define EK_X int8_t
#define EK_H int8_t
#define EK_BIAS int32_t
#define EK_DOT_X ek_dot_s8
#define EK_DOT_R ek_dot_s8
#define EK_NARROW(v) ek_saturate_s8(((v) + 128) >> 8)
#include "ek_gru_int.h"
