// Convolution over all channels: a LANES x COLUMNS array of multipliers. Each output beat of COLUMNS channels takes
// `beats` input beats (the taps' groups of LANES channels, one after another); row r of the weights is that of beat r
// of an output group, `beats` rows a group. Pixels come in order, all of them for the first output group, then all of
// them for the next, up to `groups`.
// At WEIGHT_BITS 4 two columns share a multiplier: (w1 * 2^12 + w0) * x holds both products, and borrows one.
// The configuration is steady from a pass's first beat to its last; tables are written while no beat is under way.
module ek_dense #(
  parameter int LANES = 16,
  parameter int COLUMNS = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int WEIGHT_BEATS = 512,
  parameter int GROUPS = 64,
  parameter int ACC_BITS = 24,
  parameter int MULT_BITS = 16,
  parameter int SIZE_BITS = 20
) (
  input  logic                                     clk,
  input  logic                                     rst,
  input  logic [SIZE_BITS-1:0]                     beats,
  input  logic [SIZE_BITS-1:0]                     pixels,
  input  logic [SIZE_BITS-1:0]                     groups,
  input  logic signed [7:0]                        y_zero,
  input  logic signed [7:0]                        y_min,
  input  logic signed [7:0]                        y_max,
  input  logic                                     weight_en,
  input  logic [SIZE_BITS-1:0]                     weight_row,
  input  logic [WEIGHT_BITS*LANES*COLUMNS-1:0]     weight_data,  // [column][lane]
  input  logic                                     table_en,
  input  logic [1:0]                               table_row,    // 0 bias, 1 mult, 2 shift
  input  logic [SIZE_BITS-1:0]                     table_group,
  input  logic [32*COLUMNS-1:0]                    table_data,
  input  logic                                     in_valid,
  output logic                                     in_ready,
  input  logic [8*LANES-1:0]                       in_data,
  output logic                                     out_valid,
  input  logic                                     out_ready,
  output logic [8*COLUMNS-1:0]                     out_data
);
  localparam int RW = $clog2(WEIGHT_BEATS);
  localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam int QUADS = (LANES + 3) / 4;

  wire en = !out_valid || out_ready;
  assign in_ready = en;
  wire step = en && in_valid;

  logic [SIZE_BITS-1:0] k, pixel, group;
  logic [RW-1:0] first;  // row of the group's first beat
  wire last_k = k == beats - 1;
  wire last_pixel = last_k && pixel == pixels - 1;
  wire last_group = last_pixel && group == groups - 1;
  always_ff @(posedge clk)
    if (rst) begin
      k <= 0; pixel <= 0; group <= 0; first <= 0;
    end else if (step) begin
      k <= last_k ? '0 : k + 1'b1;
      if (last_k) pixel <= last_pixel ? '0 : pixel + 1'b1;
      if (last_pixel) begin
        group <= last_group ? '0 : group + 1'b1;
        first <= last_group ? '0 : first + beats[RW-1:0];
      end
    end

  // ---- A: weights and data
  (* ram_style = "block", syn_ramstyle = "block_ram" *)
  logic [WEIGHT_BITS*LANES*COLUMNS-1:0] weights [WEIGHT_BEATS];
  logic [WEIGHT_BITS*LANES*COLUMNS-1:0] a_weights;
  logic [8*LANES-1:0] a_data;
  always_ff @(posedge clk) begin
    if (weight_en) weights[weight_row[RW-1:0]] <= weight_data;
    if (en) begin
      a_weights <= weights[first + k[RW-1:0]];
      a_data <= in_data;
    end
  end

  // ---- what follows the data: whether it is there, opens a sum, closes one, and its group
  logic [3:0] valid, opens, closes;  // of A, products, sums of four, total
  logic [3:0] done;                  // sum, then the registers of the requantization
  logic [GW-1:0] group_at [5];
  always_ff @(posedge clk)
    if (rst) begin
      valid <= 0; done <= 0;
    end else if (en) begin
      valid <= {valid[2:0], step};
      opens <= {opens[2:0], k == 0};
      closes <= {closes[2:0], last_k};
      group_at[0] <= group[GW-1:0];
      group_at[1] <= group_at[0]; group_at[2] <= group_at[1];
      group_at[3] <= group_at[2]; group_at[4] <= group_at[3];
      done <= {done[2:0], valid[3] && closes[3]};
    end

  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [32*COLUMNS-1:0] biases [GROUPS];
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [MULT_BITS*COLUMNS-1:0] mults [GROUPS];
  (* ram_style = "distributed", syn_ramstyle = "distributed" *) logic [6*COLUMNS-1:0] shifts [GROUPS];
  logic [32*COLUMNS-1:0] bias_row;
  logic [MULT_BITS*COLUMNS-1:0] mult_row;
  logic [6*COLUMNS-1:0] shift_row;
  always_ff @(posedge clk) begin
    if (table_en && table_row == 0) biases[table_group[GW-1:0]] <= table_data;
    if (table_en && table_row == 1) mults[table_group[GW-1:0]] <= table_data[MULT_BITS*COLUMNS-1:0];
    if (table_en && table_row == 2) shifts[table_group[GW-1:0]] <= table_data[6*COLUMNS-1:0];
    if (en) begin
      bias_row <= biases[group_at[2]];
      mult_row <= mults[group_at[3]];
      shift_row <= shifts[group_at[3]];
    end
  end

  // ---- products, of one column each or packed in pairs
  localparam int PB = WEIGHT_BITS + 8;
  localparam int PACKED = WEIGHT_BITS <= 4 ? 1 : 0;
  wire [PB*LANES*COLUMNS-1:0] products;  // [column][lane]
  genvar c, l, q;
  generate
    for (c = 0; c < COLUMNS; c += 1 + PACKED) begin : g_multiply
      for (l = 0; l < LANES; l++) begin : g_lane
        wire signed [7:0] x = a_data[8*l +: 8];
        wire signed [WEIGHT_BITS-1:0] w0 = a_weights[WEIGHT_BITS*(c*LANES+l) +: WEIGHT_BITS];
        if (PACKED != 0 && c + 1 < COLUMNS) begin : g_pair
          wire signed [WEIGHT_BITS-1:0] w1 = a_weights[WEIGHT_BITS*((c+1)*LANES+l) +: WEIGHT_BITS];
          wire signed [PB+WEIGHT_BITS:0] both = ((PB + WEIGHT_BITS + 1)'(w1) <<< PB) + (PB + WEIGHT_BITS + 1)'(w0);
          logic signed [2*PB:0] product;
          always_ff @(posedge clk) if (en) product <= x * both;
          assign products[PB*(c*LANES+l) +: PB] = product[PB-1:0];
          assign products[PB*((c+1)*LANES+l) +: PB] = product[2*PB-1:PB] + PB'(product[PB-1]);
        end else begin : g_single
          logic signed [PB-1:0] product;
          always_ff @(posedge clk) if (en) product <= x * w0;
          assign products[PB*(c*LANES+l) +: PB] = product;
        end
      end
    end
  endgenerate

  // ---- sums of four, total, sum over the beats, requantization
  generate
    for (c = 0; c < COLUMNS; c++) begin : g_column
      logic signed [PB+1:0] quad [QUADS];
      wire [4*QUADS*PB-1:0] row;
      logic signed [ACC_BITS-1:0] all, total, sum;
      for (l = 0; l < 4 * QUADS; l++) begin : g_lane
        if (l < LANES) begin : g_used
          assign row[PB*l +: PB] = products[PB*(c*LANES+l) +: PB];
        end else begin : g_none
          assign row[PB*l +: PB] = '0;
        end
      end
      for (q = 0; q < QUADS; q++) begin : g_quad
        wire signed [PB-1:0] p0 = row[PB*4*q +: PB], p1 = row[PB*(4*q+1) +: PB];
        wire signed [PB-1:0] p2 = row[PB*(4*q+2) +: PB], p3 = row[PB*(4*q+3) +: PB];
        always_ff @(posedge clk) if (en)
          quad[q] <= ((PB + 2)'(p0) + (PB + 2)'(p1)) + ((PB + 2)'(p2) + (PB + 2)'(p3));
      end
      always_comb begin
        all = '0;
        for (int i = 0; i < QUADS; i++) all = all + ACC_BITS'(quad[i]);
      end
      always_ff @(posedge clk) if (en) begin
        total <= all;
        if (valid[3]) sum <= (opens[3] ? $signed(bias_row[32*c +: ACC_BITS]) : sum) + total;
      end
      ek_requantize #(.ACC_BITS(ACC_BITS), .MULT_BITS(MULT_BITS)) requantize (
        .clk, .en, .acc(sum), .mult(mult_row[MULT_BITS*c +: MULT_BITS]), .shift(shift_row[6*c +: 6]),
        .y_zero, .y_min, .y_max, .y(out_data[8*c +: 8])
      );
    end
  endgenerate
  assign out_valid = done[3];
endmodule
