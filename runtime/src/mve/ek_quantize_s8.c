#define EK_NAME ek_quantize_s8
#define EK_Y int8_t
#define EK_STORE vstrbq_p_s32
#include "ek_quantize_int.h"
