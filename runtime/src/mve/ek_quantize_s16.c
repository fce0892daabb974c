#define EK_NAME ek_quantize_s16
#define EK_Y int16_t
#define EK_STORE vstrhq_p_s32
#include "ek_quantize_int.h"
