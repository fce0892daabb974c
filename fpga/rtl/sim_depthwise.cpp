// Runs ek_depthwise over the cases of a file: sim_depthwise CASES RESULTS. Both are int32 numbers.
// A case: height width groups lead deform stride_log2 x_zero y_zero y_min y_max stall_seed frames outputs, then
// 12 table rows [groups][LANES], then of each frame its beats [height * width * groups][LANES] and, with deform, d.
// Its results: cycles from the first beat taken to the last one given, then the beats [outputs][LANES].
#include "Vek_depthwise.h"
#include "sim.h"

int main(int argc, char **argv)
{
    if (argc != 3) { return 2; }
    Numbers in(argv[1]);
    std::FILE *const out = std::fopen(argv[2], "wb");
    Vek_depthwise top;
    const int element_bits[3] = {32, 16, 6};
    auto tick = [&] { top.clk = 0; top.eval(); top.clk = 1; top.eval(); };
    while (in.more()) {
        const auto head = in.next(13);
        const int height = head[0], width = head[1], groups = head[2], deform = head[4], frames = head[11];
        const std::size_t outputs = static_cast<std::size_t>(head[12]);
        Stalls stalls{static_cast<uint32_t>(head[10])};
        top.height = height; top.width = width; top.groups = groups; top.lead = head[3]; top.deform = deform;
        top.stride_log2 = head[5]; top.x_zero = head[6]; top.y_zero = head[7]; top.y_min = head[8]; top.y_max = head[9];
        top.in_valid = top.d_valid = top.table_en = 0; top.out_ready = 1;
        top.rst = 1; tick(); top.rst = 0;
        for (int row = 0; row < 12; row++) {
            const int bits = row < 9 ? WEIGHT_BITS : element_bits[row - 9];
            for (int g = 0; g < groups; g++) {
                top.table_en = 1; top.table_row = row; top.table_group = g;
                for (int lane = 0; lane < LANES; lane++) { put(top.table_data, bits * lane, bits, in.next()); }
                tick();
            }
        }
        top.table_en = 0;
        std::vector<int32_t> beats, ds;
        for (int f = 0; f < frames; f++) {
            const auto x = in.next(static_cast<std::size_t>(height) * width * groups * LANES);
            beats.insert(beats.end(), x.begin(), x.end());
            const auto d = in.next(deform ? static_cast<std::size_t>(height) * width : 0);
            ds.insert(ds.end(), d.begin(), d.end());
        }
        std::size_t given = 0, d_given = 0, taken = 0;
        int32_t cycles = 0, limit = 0;
        std::vector<int32_t> results;
        while (taken < outputs && ++limit < 50000000) {
            top.clk = 0;
            top.in_valid = given * LANES < beats.size() && !stalls.now();
            top.d_valid = d_given < ds.size() && !stalls.now();
            top.out_ready = !stalls.now();
            if (top.in_valid) {
                for (int lane = 0; lane < LANES; lane++) { put(top.in_data, 8 * lane, 8, beats[given * LANES + lane]); }
            }
            if (top.d_valid) { top.d_data = ds[d_given]; }
            top.eval();
            const bool takes = top.in_valid && top.in_ready, takes_d = top.d_valid && top.d_ready;
            if (top.out_valid && top.out_ready) {
                for (int lane = 0; lane < LANES; lane++) { results.push_back(byte_of(top.out_data, lane)); }
                taken++;
            }
            cycles += given > 0 || takes;
            top.clk = 1; top.eval();
            given += takes; d_given += takes_d;
        }
        results.insert(results.begin(), taken == outputs ? cycles : -1);
        results.resize(1 + outputs * LANES);
        std::fwrite(results.data(), sizeof(int32_t), results.size(), out);
    }
    std::fclose(out);
    return 0;
}
