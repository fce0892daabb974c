// The engine on its buses: memory behind one port, a host behind the other, which writes registers and waits for the
// interrupt.
#pragma once
#include <string>
#include "Vek_top.h"
#include "program_format.h"
#include "sim_memory.h"

struct Bench {
    VerilatedContext context;
    Vek_top *top;
    Noise noise;
    Memory<Vek_top> memory;
    int64_t cycles = 0, stalls = 0; // of runs, as the engine counts them
    std::size_t program_at = 4096, image_at = 0, dram_at = 0;

    Bench()
    {
        context.randReset(2);
        context.randSeed(1);
        top = new Vek_top{&context};
        top->s_awvalid = top->s_wvalid = top->s_bready = top->s_arvalid = top->s_rready = 0;
        reset();
    }

    ~Bench() { delete top; }

    void reset()
    {
        memory.reset();
        top->rst = 1; cycle();
        memory.reset();
        top->rst = 0;
    }

    void cycle()
    {
        top->clk = 0;
        memory.drive(*top, noise);
        top->eval();
        memory.clock(*top);
        top->clk = 1; top->eval();
    }

    void write(int number, uint32_t value)
    {
        top->s_awvalid = top->s_wvalid = top->s_bready = 1;
        top->s_awaddr = 4 * number; top->s_wdata = value;
        for (bool taken = false; !taken;) { top->clk = 0; top->eval(); taken = top->s_awready; cycle(); }
        top->s_awvalid = top->s_wvalid = 0;
        while (!top->s_bvalid) { cycle(); }
        cycle();
        top->s_bready = 0;
    }

    uint32_t read(int number)
    {
        top->s_arvalid = top->s_rready = 1; top->s_araddr = 4 * number;
        for (bool taken = false; !taken;) { top->clk = 0; top->eval(); taken = top->s_arready; cycle(); }
        top->s_arvalid = 0;
        while (!top->s_rvalid) { cycle(); }
        const uint32_t value = top->s_rdata;
        cycle();
        top->s_rready = 0;
        return value;
    }

    // Memory for a program: it, the input, DRAM; every byte is any at first.
    void load(const std::vector<uint32_t> &program, std::size_t image_bytes)
    {
        const auto line = [](std::size_t n) { return (n + 63) / 64 * 64; };
        image_at = program_at + line(4 * program.size());
        dram_at = image_at + line(image_bytes);
        const std::size_t beats = program[PROGRAM_FORMAT[PROGRAM_DRAM_BEATS].word];
        memory.bytes.resize(line(dram_at + beats * LANES));
        for (auto &byte : memory.bytes) { byte = uint8_t(noise.next() >> 24); }
        std::memcpy(&memory.bytes[program_at], program.data(), 4 * program.size());
        write(REGISTER_PROGRAM, uint32_t(program_at));
        write(REGISTER_IMAGE, uint32_t(image_at));
        write(REGISTER_DRAM, uint32_t(dram_at));
        write(REGISTER_INTERRUPT, 1);
        memory.restart();
    }

    void begin(int32_t first, int32_t layers)
    {
        write(REGISTER_LAYERS, uint32_t(first) | uint32_t(layers) << 16);
        write(REGISTER_CONTROL, 1);
    }

    int status(int low, int bits) { return int(read(REGISTER_STATUS) >> low & ((1u << bits) - 1)); }
    int layer() { return status(16, 16); }

    // Waits for the end of a run; returns its error.
    int wait()
    {
        for (int64_t waited = 0; !top->irq; waited++) {
            if (waited == LIMIT) { std::fprintf(stderr, "layer %d does not end\n", layer()); std::exit(3); }
            cycle();
        }
        write(REGISTER_INTERRUPT, 3);
        cycles += read(REGISTER_CYCLES); stalls += read(REGISTER_STALLS);
        return status(8, 4);
    }
};
