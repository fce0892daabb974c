// The system of ek_soc.sv on DRAM: sim_soc FIRMWARE RESULT
// FIRMWARE lies at address 0, where the core begins. A word that the core writes to 0x80000000 ends the simulation, and is what it
// returns; those behind it say where the results are, and how many bytes, which are written to RESULT.
#include "Vek_soc.h"
#include "sim_memory.h"

const std::size_t MEMORY = 0x280000;
const uint32_t HOST = 0x80000000u;

struct Core {
    bool read = false, address = false, data = false, answered = false, ended = false;
    uint32_t word = 0, where = 0, value = 0, strobes = 0;
    uint32_t host[3] = {0, 0, 0};

    void drive(Vek_soc &top)
    {
        top.c_arready = !read; top.c_rvalid = read; top.c_rdata = word;
        top.c_awready = !address; top.c_wready = !data; top.c_bvalid = answered;
    }

    void clock(Vek_soc &top, std::vector<uint8_t> &memory)
    {
        if (read && top.c_rready) { read = false; }
        else if (!read && top.c_arvalid) {
            read = true;
            if (top.c_araddr + 4 > memory.size()) { std::fprintf(stderr, "the core reads %08x\n", top.c_araddr); std::exit(3); }
            std::memcpy(&word, &memory[top.c_araddr], 4);
        }
        if (answered && top.c_bready) { answered = address = data = false; return; }
        if (!address && top.c_awvalid) { address = true; where = top.c_awaddr; }
        if (!data && top.c_wvalid) { data = true; value = top.c_wdata; strobes = top.c_wstrb; }
        if (address && data && !answered) { write(memory); }
    }

    void write(std::vector<uint8_t> &memory)
    {
        answered = true;
        if (where >= HOST && where < HOST + 12) {
            host[(where - HOST) / 4] = value;
            ended = where == HOST;
            return;
        }
        if (where + 4 > memory.size()) { std::fprintf(stderr, "the core writes %08x\n", where); std::exit(3); }
        for (unsigned i = 0; i < 4; i++) {
            if (strobes >> i & 1) { memory[where + i] = uint8_t(value >> 8 * i); }
        }
    }
};

int main(int argc, char **argv)
{
    if (argc != 3) { return 2; }
    VerilatedContext context;
    context.randReset(2);
    context.randSeed(1);
    Vek_soc top{&context};
    Noise noise;
    Memory<Vek_soc> memory;
    memory.timing = DRAM;
    memory.bytes.resize(MEMORY);
    for (auto &byte : memory.bytes) { byte = uint8_t(noise.next() >> 24); }
    std::FILE *file = std::fopen(argv[1], "rb");
    if (!file || std::fread(memory.bytes.data(), 1, MEMORY, file) == 0) { return 2; }
    std::fclose(file);
    Core core;
    long cycles = 0;
    for (; !core.ended; cycles++) {
        top.rst = cycles < 4;
        top.clk = 0;
        if (cycles < 4) { memory.reset(); core = Core(); }
        memory.drive(top, noise);
        core.drive(top);
        top.eval();
        memory.clock(top);
        core.clock(top, memory.bytes);
        top.clk = 1;
        top.eval();
        if (cycles >= 4 && (top.trap || cycles > LIMIT)) {
            std::fprintf(stderr, top.trap ? "the core trapped\n" : "no end\n");
            return 3;
        }
    }
    file = std::fopen(argv[2], "wb");
    if (!file || std::size_t(core.host[1]) + core.host[2] > MEMORY) { return 2; }
    std::fwrite(&memory.bytes[core.host[1]], 1, core.host[2], file);
    std::fclose(file);
    std::printf("%ld cycles; engine read %lld bytes, wrote %lld\n", cycles, (long long)memory.moved[0] * BUS_BYTES,
                (long long)memory.moved[1] * BUS_BYTES);
    return int(core.host[0]);
}
