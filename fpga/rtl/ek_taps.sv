// Nine taps of LANES channels, four registers: of each tap the bank of its row, or x_zero outside of the picture; nine
// products, sums of three, the sum with the bias. The bias comes three cycles after what it is added to.
`default_nettype none
module ek_taps #(
  parameter int LANES = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int ROWS = 16,
  parameter int RB = 4,
  parameter int ACC_BITS = 24
) (
  input  wire logic                           clk,
  input  wire logic [3*ROWS*8*LANES-1:0]      banks,     // [column of taps][row of the line buffer][lane]
  input  wire logic [3*RB-1:0]                rows,      // of each row of taps
  input  wire logic [2:0]                     inside_y,  // and whether it is inside
  input  wire logic [2:0]                     inside_x,  // whether a column is
  input  wire logic signed [7:0]              x_zero,
  input  wire logic [9*WEIGHT_BITS*LANES-1:0] weights,   // [tap][lane]
  input  wire logic [32*LANES-1:0]            bias,
  output      logic [ACC_BITS*LANES-1:0]      sums
);
  genvar t, p;
  wire [8*LANES-1:0] padding = {LANES{x_zero}};
  logic [8*LANES-1:0] tap [9];
  logic [WEIGHT_BITS*LANES-1:0] weight [9];
  generate
    for (t = 0; t < 9; t++) begin : g_tap
      localparam int KY = t / 3;
      localparam int KX = t % 3;
      wire [ROWS*8*LANES-1:0] column = banks[KX*ROWS*8*LANES +: ROWS*8*LANES];
      wire [8*LANES-1:0] chosen = column[rows[RB*KY +: RB]*8*LANES +: 8*LANES];
      always_ff @(posedge clk) begin
        tap[t] <= inside_y[KY] && inside_x[KX] ? chosen : padding;
        weight[t] <= weights[WEIGHT_BITS*LANES*t +: WEIGHT_BITS*LANES];
      end
    end
    for (p = 0; p < LANES; p++) begin : g_lane
      logic signed [WEIGHT_BITS+7:0] product [9];
      logic signed [ACC_BITS-1:0] part [3];
      logic signed [ACC_BITS-1:0] sum;
      for (t = 0; t < 9; t++) begin : g_product
        always_ff @(posedge clk)
          product[t] <= $signed(tap[t][8*p +: 8]) * $signed(weight[t][WEIGHT_BITS*p +: WEIGHT_BITS]);
      end
      for (t = 0; t < 3; t++) begin : g_part
        always_ff @(posedge clk)
          part[t] <= ACC_BITS'(product[3*t]) + ACC_BITS'(product[3*t+1]) + ACC_BITS'(product[3*t+2]);
      end
      always_ff @(posedge clk)
        sum <= (part[0] + part[1]) + (part[2] + $signed(bias[32*p +: ACC_BITS]));
      assign sums[ACC_BITS*p +: ACC_BITS] = sum;
    end
  endgenerate
endmodule
`default_nettype wire
