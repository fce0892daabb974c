#define EK_NAME ek_product_sum_s16_s8
#define EK_Y int8_t
#include "ek_product_sum_int.h"
