// What the two simulations share: wide ports, a clock, a file of numbers in and one out.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include "sim_config.h"
#include "verilated.h"

const int QUIET = 40; // cycles behind a case in which nothing may leave
const int32_t LIMIT = 50000000; // cycles of a case

template <typename T>
void put(T &port, int at, int bits, int64_t value)
{
    const uint64_t mask = ((uint64_t{1} << bits) - 1) << at;
    port = static_cast<T>((port & ~mask) | ((static_cast<uint64_t>(value) << at) & mask));
}

template <std::size_t N>
void put(VlWide<N> &port, int at, int bits, int64_t value)
{
    for (int i = 0; i < bits; i++) {
        const int bit = at + i;
        const uint32_t one = uint32_t{1} << (bit % 32);
        if ((value >> i) & 1) { port[bit / 32] |= one; } else { port[bit / 32] &= ~one; }
    }
}

template <typename T>
int8_t byte_of(const T &port, int lane) { return static_cast<int8_t>(port >> (8 * lane)); }

template <std::size_t N>
int8_t byte_of(const VlWide<N> &port, int lane)
{
    return static_cast<int8_t>(port[lane / 4] >> (8 * (lane % 4)));
}

// int32 numbers of a file, in order.
struct Numbers {
    std::FILE *file;
    explicit Numbers(const char *path) : file(std::fopen(path, "rb")) { if (!file) { std::exit(2); } }
    ~Numbers() { std::fclose(file); }
    bool more() { const int c = std::getc(file); if (c != EOF) { std::ungetc(c, file); } return c != EOF; }
    int32_t next()
    {
        int32_t value = 0;
        if (std::fread(&value, sizeof value, 1, file) != 1) { std::exit(3); }
        return value;
    }
    std::vector<int32_t> next(std::size_t count)
    {
        std::vector<int32_t> values(count);
        if (count && std::fread(values.data(), sizeof(int32_t), count, file) != count) { std::exit(3); }
        return values;
    }
};

// What ports that say nothing now carry: any numbers, the next of a generator.
struct Noise {
    uint32_t state = 1;
    uint32_t next() { return state = state * 1664525u + 1013904223u; }
};

// A stall generator: with seed 0 never, else three of eight cycles.
struct Stalls {
    uint32_t state;
    bool now()
    {
        if (state == 0) { return false; }
        state = state * 1664525u + 1013904223u;
        return (state >> 24) % 8 < 3;
    }
};
