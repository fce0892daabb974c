#define EK_NAME ek_add_s8
#define EK_X int8_t
#define EK_Y int8_t
#include "ek_add_int.h"
