// Runs an ELF program on a core under Verilator: riscv_core.sv is the core, whose memory answers after some cycles.
//
//     riscv_cycles PROGRAM CYCLES
//
// Instructions and data have a port each, which takes the next access in the cycle of the answer to the one before.
// Prints what the program prints, and the cycles between each pair of its marks.
#include <elf.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "Vriscv_core.h"
#include "verilated.h"

static const uint32_t BASE = 0x80000000u, SIZE = 0x02000000u, HOST = 0x10000000u;
static const uint64_t MOST_CYCLES = 20000000000u;
static std::vector<uint8_t> memory(SIZE);

static uint32_t read_word(uint32_t address)
{
    uint32_t word = 0;
    if (address - BASE < SIZE) {
        std::memcpy(&word, &memory[(address - BASE) & ~3u], 4);
    }
    return word;
}

static void load(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    Elf32_Ehdr head;
    if (bytes.size() < sizeof head) {
        std::fprintf(stderr, "%s: no program\n", path);
        std::exit(3);
    }
    std::memcpy(&head, bytes.data(), sizeof head);
    for (int i = 0; i < head.e_phnum; i++) {
        Elf32_Phdr part;
        std::memcpy(&part, bytes.data() + head.e_phoff + i * sizeof part, sizeof part);
        if (part.p_type == PT_LOAD && part.p_filesz > 0) {
            std::memcpy(&memory.at(part.p_paddr - BASE), bytes.data() + part.p_offset, part.p_filesz);
        }
    }
}

// One access at a time: `left` cycles until its answer, 0 without one.
struct Port {
    int left = 0;
    uint32_t word = 0;
    bool answers() const { return left == 1; }
    bool is_free() const { return left <= 1; }
    void next(bool taken, uint32_t found, int cycles)
    {
        left = left > 0 ? left - 1 : 0;
        if (taken) {
            left = cycles;
            word = found;
        }
    }
};

int main(int count, char **arguments)
{
    if (count != 3) {
        return 3;
    }
    load(arguments[1]);
    const int cycles = std::atoi(arguments[2]);
    Vriscv_core core;
    Port code, data;
    uint64_t begun = 0;
    bool begins = true;
    core.clk = 0, core.reset_n = 0;
    for (uint64_t cycle = 0; cycle < MOST_CYCLES; cycle++) {
        core.reset_n = cycle >= 8;
        core.instr_gnt = code.is_free(), core.instr_rvalid = code.answers(), core.instr_rdata = code.word;
        core.data_gnt = data.is_free(), core.data_rvalid = data.answers(), core.data_rdata = data.word;
        core.clk = 0;
        core.eval();
        const bool fetches = core.reset_n && core.instr_req && core.instr_gnt;
        const bool accesses = core.reset_n && core.data_req && core.data_gnt;
        const uint32_t fetched = fetches ? read_word(core.instr_addr) : 0, at = core.data_addr;
        uint32_t found = 0;
        if (accesses && !core.data_we) {
            found = read_word(at);
        } else if (accesses && at - BASE < SIZE) {
            for (uint32_t i = 0; i < 4; i++) {
                if (core.data_be >> i & 1) {
                    memory[((at - BASE) & ~3u) + i] = (uint8_t)(core.data_wdata >> 8 * i);
                }
            }
        } else if (accesses && at == HOST) {
            std::putchar((int)(core.data_wdata & 255u));
        } else if (accesses && at == HOST + 4) {
            if (!begins) {
                std::printf("cycles %llu\n", (unsigned long long)(cycle - begun));
                std::fflush(stdout);
            }
            begun = cycle, begins = !begins;
        } else if (accesses && at == HOST + 8) {
            return (int)core.data_wdata;
        }
        core.clk = 1;
        core.eval();
        code.next(fetches, fetched, cycles);
        data.next(accesses, found, cycles);
    }
    std::fprintf(stderr, "no end\n");
    return 3;
}
