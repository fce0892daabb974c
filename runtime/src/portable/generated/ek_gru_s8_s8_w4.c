#define EK_NAME ek_gru_s8_s8_w4
#define EK_X int8_t
#define EK_H int8_t
#define EK_W_SUM int32_t
#define EK_R_SUM int32_t
#define EK_W S8_W4
#define EK_R S8_W4
#define EK_NARROW(v) ek_saturate_s8(((v) + 128) >> 8)
#include "ek_gru_int.h"
