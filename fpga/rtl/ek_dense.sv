// Convolution over all channels: a LANES x COLUMNS array of multipliers. Each output beat of COLUMNS channels takes
// `beats` input beats (the taps' groups of LANES channels, one after another). Pixels come in order, all of them for
// the first output group, then all of them for the next, up to `groups`.
// `start` takes the configuration and begins a layer, while not `busy`; `busy` falls when its last result has left.
// Weights arrive while the array runs: of each output group `beats` rows, with the last of them its biases,
// multipliers and shifts. Two banks hold a group each: one is used while the other is filled; the array waits where
// its bank is not full, the weights where the next is not free.
`default_nettype none
module ek_dense #(
  parameter int LANES = 16,
  parameter int COLUMNS = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int WEIGHT_BEATS = 512,  // rows of both banks
  parameter int ACC_BITS = 24,
  parameter int MULT_BITS = 16,
  parameter int SIZE_BITS = 20
) (
  input  wire logic                                 clk,
  input  wire logic                                 rst,
  input  wire logic                                 start,
  output      logic                                 busy,
  input  wire logic [SIZE_BITS-1:0]                 beats,
  input  wire logic [SIZE_BITS-1:0]                 pixels,
  input  wire logic [SIZE_BITS-1:0]                 groups,
  input  wire logic signed [7:0]                    y_zero,
  input  wire logic signed [7:0]                    y_min,
  input  wire logic signed [7:0]                    y_max,
  input  wire logic                                 weight_valid,
  output      logic                                 weight_ready,
  input  wire logic [WEIGHT_BITS*LANES*COLUMNS-1:0] weight_data,   // [column][lane]
  input  wire logic [(38+MULT_BITS)*COLUMNS-1:0]    weight_scaling,  // with a group's last row: {shift, mult, bias}
  input  wire logic                                 in_valid,
  output      logic                                 in_ready,
  input  wire logic [8*LANES-1:0]                   in_data,
  output      logic                                 out_valid,
  input  wire logic                                 out_ready,
  output      logic [8*COLUMNS-1:0]                 out_data
);
  localparam int BANK = WEIGHT_BEATS / 2;
  localparam int RW = BANK > 1 ? $clog2(BANK) : 1;
  localparam int QUADS = (LANES + 3) / 4;
  localparam int LEVELS = QUADS > 2 ? $clog2(QUADS) : 1;  // of the tree that adds them, a register each
  localparam int SCALING = 38 + MULT_BITS;
  genvar c;
  generate
    if (LANES < 1 || COLUMNS < 1 || WEIGHT_BITS < 2 || WEIGHT_BITS > 8) begin : g_bad_array
      $error("ek_dense: LANES and COLUMNS are 1 or more, WEIGHT_BITS 2 to 8");
    end
    if (BANK < 1 || (BANK & (BANK - 1)) != 0 || 2 * BANK != WEIGHT_BEATS || RW > SIZE_BITS) begin : g_bad_beats
      $error("ek_dense: WEIGHT_BEATS is a power of two, 2 or more");
    end
    if (ACC_BITS < WEIGHT_BITS + 10 || ACC_BITS > 32 || MULT_BITS < 1 || MULT_BITS > 32) begin : g_bad_sums
      $error("ek_dense: ACC_BITS hold four products and are at most 32, MULT_BITS are 1 to 32");
    end
  endgenerate

  // ---- the configuration, and where the layer is
  logic running, room, idle;
  logic [SIZE_BITS-1:0] end_beat, end_pixel, end_group;  // the last of each
  logic signed [7:0] own_y_zero, own_y_min, own_y_max;
  logic [SIZE_BITS-1:0] k, pixel, group;
  logic bank;
  logic [1:0] full;  // banks that the array may use
  logic [1:0] held;  // banks that must not be filled yet
  assign busy = running || !idle;
  wire begins = start && !busy;
  wire may = running && room && full[bank];
  assign in_ready = may;
  wire step = may && in_valid;
  wire last_k = k == end_beat;
  wire last_pixel = last_k && pixel == end_pixel;
  wire last_group = last_pixel && group == end_group;
  always_ff @(posedge clk) begin
    if (rst) running <= 1'b0;
    else if (begins) running <= 1'b1;
    else if (step && last_group) running <= 1'b0;
    if (begins) begin
      end_beat <= beats - 1'b1; end_pixel <= pixels - 1'b1; end_group <= groups - 1'b1;
      own_y_zero <= y_zero; own_y_min <= y_min; own_y_max <= y_max;
      k <= '0; pixel <= '0; group <= '0; bank <= 1'b0;
    end else if (step) begin
      k <= last_k ? '0 : k + 1'b1;
      if (last_k) pixel <= last_pixel ? '0 : pixel + 1'b1;
      if (last_pixel) begin
        group <= group + 1'b1;
        bank <= !bank;
      end
    end
  end

  // ---- weights: which bank is filled, and how far
  logic loading, load_bank, freed, freed_bank;
  logic [SIZE_BITS-1:0] load_row, load_group;
  assign weight_ready = loading && !held[load_bank];
  wire loads = weight_valid && weight_ready;
  wire last_row = load_row == end_beat;
  always_ff @(posedge clk) begin
    if (rst) begin
      loading <= 1'b0; full <= '0; held <= '0;
    end else begin
      if (begins) loading <= 1'b1;
      else if (loads && last_row && load_group == end_group) loading <= 1'b0;
      if (step && last_pixel) full[bank] <= 1'b0;
      if (freed) held[freed_bank] <= 1'b0;
      if (loads && last_row) begin
        full[load_bank] <= 1'b1; held[load_bank] <= 1'b1;
      end
    end
    if (begins) begin
      load_row <= '0; load_group <= '0; load_bank <= 1'b0;
    end else if (loads) begin
      load_row <= last_row ? '0 : load_row + 1'b1;
      if (last_row) begin
        load_group <= load_group + 1'b1; load_bank <= !load_bank;
      end
    end
  end

  // ---- A: weights and data
  (* ram_style = "block", syn_ramstyle = "block_ram" *)
  logic [WEIGHT_BITS*LANES*COLUMNS-1:0] weights [WEIGHT_BEATS];
  logic [WEIGHT_BITS*LANES*COLUMNS-1:0] read_weights, a_weights;  // the memory's register, and one before the multipliers
  logic [8*LANES-1:0] read_data, a_data;
  wire [RW:0] write_row = {load_bank, load_row[RW-1:0]};
  wire [RW:0] read_row = {bank, k[RW-1:0]};
  localparam int WW = $clog2(WEIGHT_BEATS);
  always_ff @(posedge clk) begin
    if (loads) weights[BANK > 1 ? write_row[WW-1:0] : WW'(load_bank)] <= weight_data;
    read_weights <= weights[BANK > 1 ? read_row[WW-1:0] : WW'(bank)];
    read_data <= in_data;
    a_weights <= read_weights; a_data <= read_data;
  end

  // ---- what follows the data: whether it is there, opens a sum, closes one, ends its group; and its bank
  localparam int TOTAL = LEVELS + 3;         // registers before it: two of A, products, sums of four, and the tree's but for its last
  logic [TOTAL:0] valid, opens;              // of these, and total
  logic [TOTAL+6:0] closes;                  // and of sum, and the five registers of the requantization
  logic [TOTAL+1:0] ends, bank_at;
  always_ff @(posedge clk) begin
    valid <= rst ? '0 : {valid[TOTAL-1:0], step};
    opens <= {opens[TOTAL-1:0], k == '0};
    closes <= rst ? '0 : {closes[TOTAL+5:0], step && last_k};
    ends <= rst ? '0 : {ends[TOTAL:0], step && last_pixel};
    bank_at <= {bank_at[TOTAL:0], bank};
  end
  assign freed = ends[TOTAL+1];  // its scaling was read
  assign freed_bank = bank_at[TOTAL+1];

  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [SCALING*COLUMNS-1:0] scalings [2];
  wire [SCALING*COLUMNS-1:0] for_bias = scalings[bank_at[TOTAL-1]], for_scale = scalings[bank_at[TOTAL]];
  logic [32*COLUMNS-1:0] bias_row;
  logic [(MULT_BITS+6)*COLUMNS-1:0] scale_row;
  always_ff @(posedge clk) begin
    if (loads && last_row) scalings[load_bank] <= weight_scaling;
    bias_row <= for_bias[32*COLUMNS-1:0];
    scale_row <= for_scale[SCALING*COLUMNS-1:32*COLUMNS];
  end

  // ---- the totals of a beat, the sum over the beats, requantization
  wire [ACC_BITS*COLUMNS-1:0] totals;
  wire [8*COLUMNS-1:0] results;
  ek_array #(
    .LANES(LANES), .COLUMNS(COLUMNS), .WEIGHT_BITS(WEIGHT_BITS), .ACC_BITS(ACC_BITS), .LEVELS(LEVELS)
  ) array (.clk, .data(a_data), .weights(a_weights), .totals);
  generate
    for (c = 0; c < COLUMNS; c++) begin : g_column
      logic signed [ACC_BITS-1:0] sum;
      always_ff @(posedge clk)
        if (valid[TOTAL])
          sum <= (opens[TOTAL] ? $signed(bias_row[32*c +: ACC_BITS]) : sum) + $signed(totals[ACC_BITS*c +: ACC_BITS]);
      ek_requantize #(.ACC_BITS(ACC_BITS), .MULT_BITS(MULT_BITS)) requantize (
        .clk, .acc(sum), .mult(scale_row[MULT_BITS*c +: MULT_BITS]), .shift(scale_row[MULT_BITS*COLUMNS + 6*c +: 6]),
        .y_zero(own_y_zero), .y_min(own_y_min), .y_max(own_y_max), .y(results[8*c +: 8])
      );
    end
  endgenerate
  ek_results #(.BITS(8 * COLUMNS)) leaving (
    .clk, .rst, .take(step && last_k), .room, .idle, .put(closes[TOTAL+6]), .put_data(results), .out_valid, .out_ready,
    .out_data
  );

`ifndef SYNTHESIS
  always_ff @(posedge clk) if (!rst) begin
    if (start) begin
      assert (!busy) else $fatal(1, "ek_dense: start while busy");
      assert (beats >= 1 && pixels >= 1 && groups >= 1) else $fatal(1, "ek_dense: an empty layer");
      assert (32'(beats) <= BANK) else $fatal(1, "ek_dense: %0d rows of weights, a bank has %0d", beats, BANK);
      assert (y_min <= y_max) else $fatal(1, "ek_dense: y_min is above y_max");
    end
    if (step) assert (full[bank] && held[bank]) else $fatal(1, "ek_dense: weights are used that are not there");
  end
`endif
endmodule
`default_nettype wire
