// The RTL of an engine, with DRAM, behind a pipe: sim_host FOLDER
// Each line of stdin is a command, and gets a line of stdout: "read ADDRESS" and "write ADDRESS VALUE" of a register; "load
// ADDRESS" copies memory.bin of FOLDER to memory, "save ADDRESS BYTES" writes it; "wait" lets the clock run until the interrupt,
// or for a while, and says whether it is there; "moved" says how many bytes of memory were read and written until now.
#include "sim_bus.h"

const int WHILE = 100000; // cycles
static int64_t waited = 0; // cycles since a register was written

// Memory grows to what is asked for, in whole lines; every byte is any at first.
static uint8_t *at(Bench &bench, std::size_t address, std::size_t bytes)
{
    auto &memory = bench.memory.bytes;
    while (memory.size() < (address + bytes + 63) / 64 * 64) { memory.push_back(uint8_t(bench.noise.next() >> 24)); }
    return memory.data() + address;
}

// Moves bytes between memory and the file; false where the file has others.
static bool moved(const std::string &path, const char *mode, uint8_t *bytes, std::size_t count)
{
    std::FILE *const file = std::fopen(path.c_str(), mode);
    if (!file) { return false; }
    const std::size_t done = mode[0] == 'r' ? std::fread(bytes, 1, count, file) : std::fwrite(bytes, 1, count, file);
    return std::fclose(file) == 0 && done == count;
}

int main(int argc, char **argv)
{
    if (argc != 2) { return 2; }
    const std::string path = std::string(argv[1]) + "/memory.bin";
    Bench bench;
    bench.memory.timing = DRAM;
    char command[8];
    while (std::scanf("%7s", command) == 1) {
        const std::string what = command;
        unsigned long first = 0, second = 0;
        unsigned long long answer = 0, more = 0;
        bool good = true;
        if (what == "read") {
            good = std::scanf("%lu", &first) == 1;
            answer = bench.read(int(first / 4));
        } else if (what == "write") {
            good = std::scanf("%lu %lu", &first, &second) == 2;
            bench.write(int(first / 4), uint32_t(second));
            waited = 0;
        } else if (what == "load" || what == "save") {
            good = std::scanf("%lu %lu", &first, &second) == 2;
            good = good && moved(path, what == "load" ? "rb" : "wb", at(bench, first, second), second);
        } else if (what == "wait") {
            for (int i = 0; i < WHILE && !bench.top->irq; i++) { bench.cycle(); }
            if ((waited += WHILE) > LIMIT) { std::fprintf(stderr, "layer %d does not end\n", bench.layer()); return 3; }
            answer = bench.top->irq;
        } else if (what == "moved") {
            answer = (unsigned long long)(bench.memory.moved[0]) * BUS_BYTES;
            more = (unsigned long long)(bench.memory.moved[1]) * BUS_BYTES;
        } else {
            good = false;
        }
        if (!good) { return 2; }
        std::printf("%llu %llu\n", answer, more);
        std::fflush(stdout);
    }
    return 0;
}
