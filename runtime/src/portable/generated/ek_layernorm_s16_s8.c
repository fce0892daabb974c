#define EK_NAME ek_layernorm_s16_s8
#define EK_Y int8_t
#include "ek_layernorm_int.h"
