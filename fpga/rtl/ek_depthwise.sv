// Depthwise 3x3 convolution whose taps of pixel (y, x) lie at ((ky - 1) * d, (kx - 1) * d), d = 0..7 per pixel.
//
// Beats of LANES channels arrive pixel by pixel, a pixel's groups of channels one after another, and leave so, with
// the output's pixels only where stride divides y and x. With deform, one d arrives per pixel; else d is 1.
// A line buffer of ROWS rows (a power of two, twice the largest d and 2 or more) leads the output by `lead` rows: one more than the
// largest d, because the row being written cannot be read. Outside of the image a tap reads x_zero.
// The configuration is steady from a frame's first beat to its last; tables are written while no beat is under way.
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
  input  logic                    clk,
  input  logic                    rst,
  input  logic [SIZE_BITS-1:0]    height,
  input  logic [SIZE_BITS-1:0]    width,
  input  logic [SIZE_BITS-1:0]    groups,
  input  logic [4:0]              lead,
  input  logic                    deform,
  input  logic [1:0]              stride_log2,
  input  logic signed [7:0]       x_zero,
  input  logic signed [7:0]       y_zero,
  input  logic signed [7:0]       y_min,
  input  logic signed [7:0]       y_max,
  // tables: rows 0..8 weights of a tap, 9 bias, 10 mult, 11 shift; LANES elements of the row's own width
  input  logic                    table_en,
  input  logic [3:0]              table_row,
  input  logic [SIZE_BITS-1:0]    table_group,
  input  logic [32*LANES-1:0]     table_data,
  input  logic                    in_valid,
  output logic                    in_ready,
  input  logic [8*LANES-1:0]      in_data,
  input  logic                    d_valid,
  output logic                    d_ready,
  input  logic [3:0]              d_data,
  output logic                    out_valid,
  input  logic                    out_ready,
  output logic [8*LANES-1:0]      out_data
);
  localparam int AW = $clog2(LINE_BEATS);
  localparam int RB = $clog2(ROWS);
  localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam int SB = SIZE_BITS + 5;  // a signed place, with d around it

  wire en = !out_valid || out_ready;

  // ---- where the scan is: y runs to height + lead - 1, `beat` is x * groups + g
  logic [SIZE_BITS:0] y;
  logic [SIZE_BITS-1:0] x, g;
  logic [AW-1:0] beat;
  wire takes = y < (SIZE_BITS + 1)'(height);
  wire gives = y >= (SIZE_BITS + 1)'(lead);
  wire takes_d = gives && deform && g == 0;
  wire step = en && (!takes || in_valid) && (!takes_d || d_valid);
  assign in_ready = takes && en && (!takes_d || d_valid);
  assign d_ready = takes_d && en && (!takes || in_valid);
  wire last_g = g == groups - 1;
  wire last_x = last_g && x == width - 1;
  wire last_y = last_x && y == (SIZE_BITS + 1)'(height) + (SIZE_BITS + 1)'(lead) - 1;
  always_ff @(posedge clk)
    if (rst) begin
      y <= 0; x <= 0; g <= 0; beat <= 0;
    end else if (step) begin
      g <= last_g ? '0 : g + 1'b1;
      beat <= last_x ? '0 : beat + 1'b1;
      if (last_g) x <= last_x ? '0 : x + 1'b1;
      if (last_x) y <= last_y ? '0 : y + 1'b1;
    end
  logic [3:0] d_held;
  wire [3:0] d = !deform ? 4'd1 : takes_d ? d_data : d_held;
  always_ff @(posedge clk) if (step && takes_d) d_held <= d_data;

  // ---- A: the beat to write and the pixel to compute, registered together
  logic a_write, a_out;
  logic [AW-1:0] a_beat, a_reach;
  logic [RB-1:0] a_row;
  logic [8*LANES-1:0] a_data;
  logic [3:0] a_d;
  logic [SIZE_BITS:0] a_cy;
  logic [SIZE_BITS-1:0] a_x;
  logic [GW-1:0] a_g;
  wire [SIZE_BITS:0] cy = y - (SIZE_BITS + 1)'(lead);
  wire [SIZE_BITS-1:0] low_bits = (SIZE_BITS'(1) << stride_log2) - 1'b1;
  wire kept = (cy[SIZE_BITS-1:0] & low_bits) == 0 && (x & low_bits) == 0;
  always_ff @(posedge clk)
    if (rst) begin
      a_write <= 0; a_out <= 0;
    end else if (en) begin
      a_write <= step && takes;
      a_out <= step && gives && kept;
      a_beat <= beat; a_row <= y[RB-1:0]; a_data <= in_data;
      a_d <= d; a_reach <= AW'(d) * AW'(groups);
      a_cy <= cy; a_x <= x; a_g <= g[GW-1:0];
    end

  // ---- B: the line buffer: a bank per row, three copies for the three columns of taps
  wire signed [SB-1:0] ty0 = $signed(SB'(a_cy)) - $signed(SB'(a_d));
  wire signed [SB-1:0] ty2 = $signed(SB'(a_cy)) + $signed(SB'(a_d));
  wire signed [SB-1:0] tx0 = $signed(SB'(a_x)) - $signed(SB'(a_d));
  wire signed [SB-1:0] tx2 = $signed(SB'(a_x)) + $signed(SB'(a_d));
  wire [AW-1:0] address [3];
  assign address[0] = a_beat - a_reach;
  assign address[1] = a_beat;
  assign address[2] = a_beat + a_reach;
  wire [ROWS*8*LANES-1:0] rows [3];
  genvar b, t, p;
  generate
    for (t = 0; t < 3; t++) begin : g_copy
      for (b = 0; b < ROWS; b++) begin : g_bank
        (* ram_style = "block", syn_ramstyle = "block_ram" *) logic [8*LANES-1:0] bank [LINE_BEATS];
        logic [8*LANES-1:0] q;
        always_ff @(posedge clk) if (en) begin
          if (a_write && a_row == RB'(b)) bank[a_beat] <= a_data;
          q <= bank[address[t]];
        end
        assign rows[t][b*8*LANES +: 8*LANES] = q;
      end
    end
  endgenerate
  logic b_out;
  logic [GW-1:0] b_g;
  logic [RB-1:0] b_row [3];
  logic [2:0] b_y_in, b_x_in;
  always_ff @(posedge clk)
    if (rst) b_out <= 0;
    else if (en) begin
      b_out <= a_out; b_g <= a_g;
      b_row[0] <= ty0[RB-1:0]; b_row[1] <= a_cy[RB-1:0]; b_row[2] <= ty2[RB-1:0];
      b_y_in <= {ty2 < $signed(SB'(height)), 1'b1, ty0 >= 0};
      b_x_in <= {tx2 < $signed(SB'(width)), 1'b1, tx0 >= 0};
    end

  // ---- C: choose the bank of each tap, or padding; read the weights
  wire [8*LANES-1:0] padding = {LANES{x_zero}};
  logic [8*LANES-1:0] c_tap [9];
  logic [WEIGHT_BITS*LANES-1:0] c_weight [9];
  generate
    for (t = 0; t < 9; t++) begin : g_tap
      localparam int KY = t / 3;
      localparam int KX = t % 3;
      (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [WEIGHT_BITS*LANES-1:0] weights [GROUPS];
      wire [8*LANES-1:0] chosen = rows[KX][b_row[KY]*8*LANES +: 8*LANES];
      always_ff @(posedge clk) begin
        if (table_en && table_row == t) weights[table_group[GW-1:0]] <= table_data[WEIGHT_BITS*LANES-1:0];
        if (en) begin
          c_tap[t] <= b_y_in[KY] && b_x_in[KX] ? chosen : padding;
          c_weight[t] <= weights[b_g];
        end
      end
    end
  endgenerate

  // ---- D to F: nine products, sums of three, the sum with the bias
  logic [5:0] valid;  // of D, E, F, and the three registers of the requantization
  logic [GW-1:0] c_g, d_g, e_g;
  logic c_out;
  logic [32*LANES-1:0] bias_row;
  logic [MULT_BITS*LANES-1:0] mult_row;
  logic [6*LANES-1:0] shift_row;
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [32*LANES-1:0] biases [GROUPS];
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [MULT_BITS*LANES-1:0] mults [GROUPS];
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [6*LANES-1:0] shifts [GROUPS];
  always_ff @(posedge clk) begin
    if (table_en && table_row == 9) biases[table_group[GW-1:0]] <= table_data;
    if (table_en && table_row == 10) mults[table_group[GW-1:0]] <= table_data[MULT_BITS*LANES-1:0];
    if (table_en && table_row == 11) shifts[table_group[GW-1:0]] <= table_data[6*LANES-1:0];
    if (en) begin
      c_g <= b_g; d_g <= c_g; e_g <= d_g;
      bias_row <= biases[d_g];
      mult_row <= mults[e_g];
      shift_row <= shifts[e_g];
    end
    if (rst) begin
      c_out <= 0; valid <= 0;
    end else if (en) begin
      c_out <= b_out;
      valid <= {valid[4:0], c_out};
    end
  end
  generate
    for (p = 0; p < LANES; p++) begin : g_lane
      logic signed [WEIGHT_BITS+7:0] product [9];
      logic signed [ACC_BITS-1:0] part [3];
      logic signed [ACC_BITS-1:0] sum;
      for (t = 0; t < 9; t++) begin : g_product
        always_ff @(posedge clk) if (en)
          product[t] <= $signed(c_tap[t][8*p +: 8]) * $signed(c_weight[t][WEIGHT_BITS*p +: WEIGHT_BITS]);
      end
      for (t = 0; t < 3; t++) begin : g_part
        always_ff @(posedge clk) if (en)
          part[t] <= ACC_BITS'(product[3*t]) + ACC_BITS'(product[3*t+1]) + ACC_BITS'(product[3*t+2]);
      end
      always_ff @(posedge clk) if (en)
        sum <= (part[0] + part[1]) + (part[2] + $signed(bias_row[32*p +: ACC_BITS]));
      ek_requantize #(.ACC_BITS(ACC_BITS), .MULT_BITS(MULT_BITS)) requantize (
        .clk, .en, .acc(sum), .mult(mult_row[MULT_BITS*p +: MULT_BITS]), .shift(shift_row[6*p +: 6]),
        .y_zero, .y_min, .y_max, .y(out_data[8*p +: 8])
      );
    end
  endgenerate
  assign out_valid = valid[5];
endmodule
