/* Products of a vector with rows of N:M sparse weights, stored as ek_turns.h says; runtime/src/<isa>/ek_rows_sparse.h are
 * others, with the same results. */
#ifndef EK_ROWS_SPARSE_GUARD
#define EK_ROWS_SPARSE_GUARD

#include "ek_rows.h"
#include "ek_turns.h"

EK_TURNS_ROWS(ek_sparse_s8, int8_t, int32_t, ek_rows_s8, EK_BYTES_S8)
EK_TURNS_ROWS(ek_sparse_s16, int16_t, int64_t, ek_rows_s16, EK_BYTES_S16)

#endif
