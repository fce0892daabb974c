#define EK_NAME ek_layernorm_s16
#define EK_Y int16_t
#include "ek_layernorm_int.h"
