#define EK_NAME ek_gru_s8_s16_w4
#define EK_X int8_t
#define EK_H int16_t
#define EK_W_SUM int32_t
#define EK_R_SUM int64_t
#define EK_W S8_W4
#define EK_R S16_W4
#define EK_NARROW(v) (v)
#include "ek_gru_int.h"
