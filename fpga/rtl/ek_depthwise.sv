// Depthwise 3x3 convolution whose taps of pixel (y, x) lie at ((ky - 1) * d, (kx - 1) * d), d = 0..7 per pixel.
//
// `start` takes the configuration and begins a picture, while not `busy`; `busy` falls when its last result has left.
// Beats of LANES channels arrive pixel by pixel, a pixel's groups of channels one after another, and leave so, with
// the output's pixels only where stride divides y and x. With deform, one d arrives per pixel; else d is 1.
// A line buffer of ROWS rows (a power of two, twice the largest d and 2 or more) leads the output by `lead` rows: one
// more than the largest d, because the row being written cannot be read. Outside of the image a tap reads x_zero.
// Tables are written while not busy.
`default_nettype none
module ek_depthwise #(
  parameter int LANES = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int ROWS = 16,
  parameter int LINE_BEATS = 512,
  parameter int GROUPS = 16,
  parameter int ACC_BITS = 24,
  parameter int MULT_BITS = 16,
  parameter int SIZE_BITS = 12
) (
  input  wire logic                    clk,
  input  wire logic                    rst,
  input  wire logic                    start,
  output      logic                    busy,
  input  wire logic [SIZE_BITS-1:0]    height,
  input  wire logic [SIZE_BITS-1:0]    width,
  input  wire logic [SIZE_BITS-1:0]    groups,
  input  wire logic [4:0]              lead,
  input  wire logic                    deform,
  input  wire logic [1:0]              stride_log2,
  input  wire logic signed [7:0]       x_zero,
  input  wire logic signed [7:0]       y_zero,
  input  wire logic signed [7:0]       y_min,
  input  wire logic signed [7:0]       y_max,
  // tables: rows 0..8 weights of a tap, 9 bias, 10 mult, 11 shift; LANES elements of the row's own width
  input  wire logic                    table_en,
  input  wire logic [3:0]              table_row,
  input  wire logic [SIZE_BITS-1:0]    table_group,
  input  wire logic [32*LANES-1:0]     table_data,
  input  wire logic                    in_valid,
  output      logic                    in_ready,
  input  wire logic [8*LANES-1:0]      in_data,
  input  wire logic                    d_valid,
  output      logic                    d_ready,
  input  wire logic [3:0]              d_data,
  output      logic                    out_valid,
  input  wire logic                    out_ready,
  output      logic [8*LANES-1:0]      out_data
);
  localparam int AW = LINE_BEATS > 1 ? $clog2(LINE_BEATS) : 1;
  localparam int RB = $clog2(ROWS);
  localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam int DMAX = (ROWS - 2) / 2;
  genvar b, t, p;
  generate
    if (LANES < 1 || WEIGHT_BITS < 2 || WEIGHT_BITS > 8) begin : g_bad_lanes
      $error("ek_depthwise: LANES is 1 or more, WEIGHT_BITS 2 to 8");
    end
    if (ROWS < 4 || ROWS > 16 || (ROWS & (ROWS - 1)) != 0) begin : g_bad_rows
      $error("ek_depthwise: ROWS is 4, 8 or 16");
    end
    if (LINE_BEATS < 1 || LINE_BEATS > 1 << SIZE_BITS || GROUPS < 1 || GROUPS > 1 << SIZE_BITS) begin : g_bad_sizes
      $error("ek_depthwise: LINE_BEATS and GROUPS are 1 to 2^SIZE_BITS");
    end
    if (ACC_BITS < WEIGHT_BITS + 8 || ACC_BITS > 32 || MULT_BITS < 1 || MULT_BITS > 32) begin : g_bad_sums
      $error("ek_depthwise: ACC_BITS hold a product and are at most 32, MULT_BITS are 1 to 32");
    end
  endgenerate

  // ---- the configuration, and where the scan is: y runs to height + lead - 1, `beat` is x * groups + g
  logic scanning, room, idle, own_deform;
  logic [SIZE_BITS-1:0] own_height, own_width, own_groups, end_x, end_g;
  logic [SIZE_BITS:0] end_y;
  logic [4:0] own_lead;
  logic [1:0] own_stride;
  logic signed [7:0] own_x_zero, own_y_zero, own_y_min, own_y_max;
  logic [SIZE_BITS:0] y;
  logic [SIZE_BITS-1:0] x, g;
  logic [AW-1:0] beat;
  assign busy = scanning || !idle;
  wire takes = y < (SIZE_BITS + 1)'(own_height);
  wire gives = y >= (SIZE_BITS + 1)'(own_lead);
  wire takes_d = gives && own_deform && g == 0;
  wire may = scanning && room;
  wire step = may && (!takes || in_valid) && (!takes_d || d_valid);
  assign in_ready = may && takes && (!takes_d || d_valid);
  assign d_ready = may && takes_d && (!takes || in_valid);
  wire last_g = g == end_g;
  wire last_x = last_g && x == end_x;
  wire last_y = last_x && y == end_y;
  always_ff @(posedge clk) begin
    if (rst) scanning <= 1'b0;
    else if (start && !busy) scanning <= 1'b1;
    else if (step && last_y) scanning <= 1'b0;
    if (start && !busy) begin
      own_height <= height; own_width <= width; own_groups <= groups; own_lead <= lead;
      end_x <= width - 1'b1; end_g <= groups - 1'b1; end_y <= (SIZE_BITS + 1)'(height) + (SIZE_BITS + 1)'(lead) - 1'b1;
      own_deform <= deform; own_stride <= stride_log2;
      own_x_zero <= x_zero; own_y_zero <= y_zero; own_y_min <= y_min; own_y_max <= y_max;
      y <= '0; x <= '0; g <= '0; beat <= '0;
    end else if (step) begin
      g <= last_g ? '0 : g + 1'b1;
      beat <= last_x ? '0 : beat + 1'b1;
      if (last_g) x <= last_x ? '0 : x + 1'b1;
      if (last_x) y <= y + 1'b1;
    end
  end
  logic [3:0] d_held;
  wire [3:0] d = !own_deform ? 4'd1 : takes_d ? d_data : d_held;
  always_ff @(posedge clk) if (step && takes_d) d_held <= d_data;

  // ---- what follows the data: whether a result comes of it, and its group
  wire [SIZE_BITS:0] cy = y - (SIZE_BITS + 1)'(own_lead);
  wire [SIZE_BITS-1:0] low_bits = (SIZE_BITS'(1) << own_stride) - 1'b1;
  wire kept = (cy[SIZE_BITS-1:0] & low_bits) == '0 && (x & low_bits) == '0;
  wire out = step && gives && kept;
  logic [11:0] valid;  // of A0, A, B, C, products, parts, sum, and the five registers of the requantization
  logic [GW-1:0] group_at [6];
  always_ff @(posedge clk) begin
    valid <= rst ? '0 : {valid[10:0], out};
    group_at[0] <= g[GW-1:0];
    group_at[1] <= group_at[0]; group_at[2] <= group_at[1]; group_at[3] <= group_at[2];
    group_at[4] <= group_at[3]; group_at[5] <= group_at[4];
  end

  // ---- A0: the beat to write and the pixel to compute;  A: the same, and the window of the pixel
  logic a0_write, a_write;
  logic [AW-1:0] a0_beat, a_beat;
  logic [RB-1:0] a0_row, a_row;
  logic [8*LANES-1:0] a0_data, a_data;
  logic [3:0] a0_d;
  logic [SIZE_BITS:0] a0_cy;
  logic [SIZE_BITS-1:0] a0_x;
  logic [RB-1:0] a_cy;
  always_ff @(posedge clk) begin
    a0_write <= step && takes && !rst;
    a0_beat <= beat; a0_row <= y[RB-1:0]; a0_data <= in_data; a0_d <= d; a0_cy <= cy; a0_x <= x;
    a_write <= a0_write && !rst;
    a_beat <= a0_beat; a_row <= a0_row; a_data <= a0_data; a_cy <= a0_cy[RB-1:0];
  end
  wire [AW-1:0] address [3];
  wire [RB-1:0] top, bottom;
  wire [3:0] in_range;
  assign address[1] = a_beat;
  ek_window #(.AW(AW), .RB(RB), .SIZE_BITS(SIZE_BITS)) window (
    .clk, .beat(a0_beat), .y(a0_cy), .x(a0_x), .d(a0_d), .height(own_height), .width(own_width), .groups(own_groups),
    .left(address[0]), .right(address[2]), .top, .bottom, .in_range
  );

  // ---- B: the line buffer: a bank per row, three copies for the three columns of taps
  wire [3*ROWS*8*LANES-1:0] banks;
  generate
    for (t = 0; t < 3; t++) begin : g_copy
      for (b = 0; b < ROWS; b++) begin : g_bank
        (* ram_style = "block", syn_ramstyle = "block_ram" *) logic [8*LANES-1:0] bank [LINE_BEATS];
        logic [8*LANES-1:0] q;
        always_ff @(posedge clk) begin
          if (a_write && a_row == RB'(b)) bank[a_beat] <= a_data;
          q <= bank[address[t]];
        end
        assign banks[(t*ROWS+b)*8*LANES +: 8*LANES] = q;
      end
    end
  endgenerate
  logic [3*RB-1:0] b_rows;
  logic [2:0] b_y_in, b_x_in;
  always_ff @(posedge clk) begin
    b_rows <= {bottom, a_cy, top};
    b_y_in <= {in_range[3], 1'b1, in_range[2]};
    b_x_in <= {in_range[1], 1'b1, in_range[0]};
  end

  // ---- C: the bank of each tap and its weights
  wire [9*WEIGHT_BITS*LANES-1:0] weight_row;
  generate
    for (t = 0; t < 9; t++) begin : g_tap
      (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [WEIGHT_BITS*LANES-1:0] weights [GROUPS];
      always_ff @(posedge clk)
        if (table_en && table_row == 4'(t)) weights[table_group[GW-1:0]] <= table_data[WEIGHT_BITS*LANES-1:0];
      assign weight_row[WEIGHT_BITS*LANES*t +: WEIGHT_BITS*LANES] = weights[group_at[2]];
    end
  endgenerate

  // ---- nine products, sums of three, the sum with the bias, requantization
  logic [32*LANES-1:0] bias_row;
  logic [MULT_BITS*LANES-1:0] mult_row;
  logic [6*LANES-1:0] shift_row;
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [32*LANES-1:0] biases [GROUPS];
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [MULT_BITS*LANES-1:0] mults [GROUPS];
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [6*LANES-1:0] shifts [GROUPS];
  always_ff @(posedge clk) begin
    if (table_en && table_row == 4'd9) biases[table_group[GW-1:0]] <= table_data;
    if (table_en && table_row == 4'd10) mults[table_group[GW-1:0]] <= table_data[MULT_BITS*LANES-1:0];
    if (table_en && table_row == 4'd11) shifts[table_group[GW-1:0]] <= table_data[6*LANES-1:0];
    bias_row <= biases[group_at[4]];
    mult_row <= mults[group_at[5]];
    shift_row <= shifts[group_at[5]];
  end
  wire [ACC_BITS*LANES-1:0] sums;
  wire [8*LANES-1:0] results;
  ek_taps #(.LANES(LANES), .WEIGHT_BITS(WEIGHT_BITS), .ROWS(ROWS), .RB(RB), .ACC_BITS(ACC_BITS)) taps (
    .clk, .banks, .rows(b_rows), .inside_y(b_y_in), .inside_x(b_x_in), .x_zero(own_x_zero), .weights(weight_row),
    .bias(bias_row), .sums
  );
  generate
    for (p = 0; p < LANES; p++) begin : g_lane
      ek_requantize #(.ACC_BITS(ACC_BITS), .MULT_BITS(MULT_BITS)) requantize (
        .clk, .acc(sums[ACC_BITS*p +: ACC_BITS]), .mult(mult_row[MULT_BITS*p +: MULT_BITS]),
        .shift(shift_row[6*p +: 6]), .y_zero(own_y_zero), .y_min(own_y_min), .y_max(own_y_max), .y(results[8*p +: 8])
      );
    end
  endgenerate
  ek_results #(.BITS(8 * LANES)) leaving (
    .clk, .rst, .take(out), .room, .idle, .put(valid[11]), .put_data(results), .out_valid, .out_ready, .out_data
  );

`ifndef SYNTHESIS
  always_ff @(posedge clk) if (!rst) begin
    if (start) begin
      assert (!busy) else $fatal(1, "ek_depthwise: start while busy");
      assert (height >= 1 && width >= 1 && groups >= 1) else $fatal(1, "ek_depthwise: an empty picture");
      assert (groups <= SIZE_BITS'(GROUPS) || GROUPS == 1 << SIZE_BITS)
        else $fatal(1, "ek_depthwise: %0d groups, at most %0d", groups, GROUPS);
      assert (32'(width) * 32'(groups) <= LINE_BEATS)
        else $fatal(1, "ek_depthwise: a row of %0d beats, at most %0d", width * groups, LINE_BEATS);
      assert (lead >= 2 && lead <= 5'(ROWS / 2)) else $fatal(1, "ek_depthwise: a lead of %0d rows", lead);
      assert (stride_log2 <= 2) else $fatal(1, "ek_depthwise: a stride of %0d", 1 << stride_log2);
      assert (y_min <= y_max) else $fatal(1, "ek_depthwise: y_min is above y_max");
    end
    if (d_valid && d_ready)
      assert (d_data <= 4'(DMAX)) else $fatal(1, "ek_depthwise: d = %0d, at most %0d", d_data, DMAX);
    if (table_en) begin
      assert (!busy) else $fatal(1, "ek_depthwise: tables are written while busy");
      assert (32'(table_group) < GROUPS && table_row <= 11)
        else $fatal(1, "ek_depthwise: table row %0d of group %0d", table_row, table_group);
    end
  end
`endif
endmodule
`default_nettype wire
