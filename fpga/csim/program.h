// program.bin: docs/reference/fpga-program.md of EdgeKit tells its words, program_format.h where each number is.
#ifndef EDGEKIT_PROGRAM_H
#define EDGEKIT_PROGRAM_H
#include <cstddef>

#include "engine.h"

// A number of a record that begins at `words`.
int64_t number_of(const uint32_t *words, const field_t &field);

// Why this engine cannot run a program of `count` words: one of the ERRORs, or ERROR_NONE.
int check(const uint32_t *words, std::size_t count);

// Layer `number` of a program that `check` has nothing against.
layer_t decode(const uint32_t *words, int number);
#endif
