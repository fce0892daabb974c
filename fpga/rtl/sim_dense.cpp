// Runs ek_dense over the cases of a file: sim_dense CASES RESULTS. Both are int32 numbers.
// A case: beats pixels groups y_zero y_min y_max stall_seed, weights [groups * beats][COLUMNS][LANES], 3 table rows
// [groups][COLUMNS], then the beats [groups * pixels * beats][LANES].
// Its results: cycles from the first beat taken to the last one given, then the beats [groups * pixels][COLUMNS].
#include "Vek_dense.h"
#include "sim.h"

int main(int argc, char **argv)
{
    if (argc != 3) { return 2; }
    Numbers in(argv[1]);
    std::FILE *const out = std::fopen(argv[2], "wb");
    Vek_dense top;
    const int element_bits[3] = {32, 16, 6};
    auto tick = [&] { top.clk = 0; top.eval(); top.clk = 1; top.eval(); };
    while (in.more()) {
        const auto head = in.next(7);
        const int beats = head[0], pixels = head[1], groups = head[2];
        Stalls stalls{static_cast<uint32_t>(head[6])};
        top.beats = beats; top.pixels = pixels; top.groups = groups;
        top.y_zero = head[3]; top.y_min = head[4]; top.y_max = head[5];
        top.in_valid = top.weight_en = top.table_en = 0; top.out_ready = 1;
        top.rst = 1; tick(); top.rst = 0;
        for (int row = 0; row < groups * beats; row++) {
            top.weight_en = 1; top.weight_row = row;
            for (int i = 0; i < COLUMNS * LANES; i++) { put(top.weight_data, WEIGHT_BITS * i, WEIGHT_BITS, in.next()); }
            tick();
        }
        top.weight_en = 0;
        for (int row = 0; row < 3; row++) {
            for (int g = 0; g < groups; g++) {
                top.table_en = 1; top.table_row = row; top.table_group = g;
                for (int c = 0; c < COLUMNS; c++) {
                    put(top.table_data, element_bits[row] * c, element_bits[row], in.next());
                }
                tick();
            }
        }
        top.table_en = 0;
        const auto x = in.next(static_cast<std::size_t>(groups) * pixels * beats * LANES);
        const std::size_t outputs = static_cast<std::size_t>(groups) * pixels;
        std::size_t given = 0, taken = 0;
        int32_t cycles = 0, limit = 0;
        std::vector<int32_t> results;
        while (taken < outputs && ++limit < 50000000) {
            top.clk = 0;
            top.in_valid = given * LANES < x.size() && !stalls.now();
            top.out_ready = !stalls.now();
            if (top.in_valid) {
                for (int lane = 0; lane < LANES; lane++) { put(top.in_data, 8 * lane, 8, x[given * LANES + lane]); }
            }
            top.eval();
            const bool takes = top.in_valid && top.in_ready;
            if (top.out_valid && top.out_ready) {
                for (int c = 0; c < COLUMNS; c++) { results.push_back(byte_of(top.out_data, c)); }
                taken++;
            }
            cycles += given > 0 || takes;
            top.clk = 1; top.eval();
            given += takes;
        }
        results.insert(results.begin(), taken == outputs ? cycles : -1);
        results.resize(1 + outputs * COLUMNS);
        std::fwrite(results.data(), sizeof(int32_t), results.size(), out);
    }
    std::fclose(out);
    return 0;
}
