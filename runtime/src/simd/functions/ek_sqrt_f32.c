#include "ek_functions_f32.h"

#define EK_NAME ek_sqrt_f32
#define EK_FUNCTION ek_v_sqrt
#include "ek_function_f32.h"
