#define EK_NAME ek_gru_s16_s16
#define EK_X int16_t
#define EK_H int16_t
#define EK_W_SUM int64_t
#define EK_R_SUM int64_t
#define EK_W S16
#define EK_R S16
#define EK_NARROW(v) (v)
#include "ek_gru_int.h"
