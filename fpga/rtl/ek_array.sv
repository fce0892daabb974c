// LANES x COLUMNS products and the total of each column, LEVELS + 2 registers: products, sums of four, and of the tree
// that adds these a register for each level.
// At WEIGHT_BITS 4 two columns share a multiplier: (w1 * 2^12 + w0) * x holds both products, and borrows one.
`default_nettype none
module ek_array #(
  parameter int LANES = 16,
  parameter int COLUMNS = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int ACC_BITS = 24,
  parameter int LEVELS = 2  // of the tree: $clog2 of the sums of four, 1 or more
) (
  input  wire logic                                 clk,
  input  wire logic [8*LANES-1:0]                   data,
  input  wire logic [WEIGHT_BITS*LANES*COLUMNS-1:0] weights,  // [column][lane]
  output      logic [ACC_BITS*COLUMNS-1:0]          totals
);
  localparam int QUADS = (LANES + 3) / 4;
  localparam int TREE = 1 << LEVELS;
  genvar c, l, q;

  // ---- products, of one column each or packed in pairs
  localparam int PB = WEIGHT_BITS + 8;
  localparam int PACKED = WEIGHT_BITS <= 4 ? 1 : 0;
  wire [PB*LANES*COLUMNS-1:0] products;  // [column][lane]
  generate
    for (c = 0; c < COLUMNS; c += 1 + PACKED) begin : g_multiply
      for (l = 0; l < LANES; l++) begin : g_lane
        wire signed [7:0] x = data[8*l +: 8];
        wire signed [WEIGHT_BITS-1:0] w0 = weights[WEIGHT_BITS*(c*LANES+l) +: WEIGHT_BITS];
        if (PACKED != 0 && c + 1 < COLUMNS) begin : g_pair
          wire signed [WEIGHT_BITS-1:0] w1 = weights[WEIGHT_BITS*((c+1)*LANES+l) +: WEIGHT_BITS];
          wire signed [PB+WEIGHT_BITS:0] both = ((PB + WEIGHT_BITS + 1)'(w1) <<< PB) + (PB + WEIGHT_BITS + 1)'(w0);
          logic signed [2*PB:0] product;
          always_ff @(posedge clk) product <= x * both;
          assign products[PB*(c*LANES+l) +: PB] = product[PB-1:0];
          assign products[PB*((c+1)*LANES+l) +: PB] = product[2*PB-1:PB] + PB'(product[PB-1]);
        end else begin : g_single
          logic signed [PB-1:0] product;
          always_ff @(posedge clk) product <= x * w0;
          assign products[PB*(c*LANES+l) +: PB] = product;
        end
      end
    end
  endgenerate

  // ---- sums of four, a tree to their total
  generate
    for (c = 0; c < COLUMNS; c++) begin : g_column
      logic signed [PB+1:0] quad [QUADS];
      wire [4*QUADS*PB-1:0] row;
      logic signed [ACC_BITS-1:0] tree [1:TREE-1];  // node q adds nodes 2q and 2q + 1; from TREE on these are the sums of four
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
        always_ff @(posedge clk)
          quad[q] <= ((PB + 2)'(p0) + (PB + 2)'(p1)) + ((PB + 2)'(p2) + (PB + 2)'(p3));
      end
      for (q = 1; q < TREE; q++) begin : g_node
        wire signed [ACC_BITS-1:0] left, right;
        if (2 * q < TREE) begin : g_inner
          assign left = tree[2*q];
          assign right = tree[2*q+1];
        end else begin : g_outer
          assign left = 2 * q - TREE < QUADS ? ACC_BITS'(quad[2 * q - TREE < QUADS ? 2 * q - TREE : 0]) : '0;
          assign right = 2 * q + 1 - TREE < QUADS ? ACC_BITS'(quad[2 * q + 1 - TREE < QUADS ? 2 * q + 1 - TREE : 0]) : '0;
        end
        always_ff @(posedge clk) tree[q] <= left + right;
      end
      assign totals[ACC_BITS*c +: ACC_BITS] = tree[1];
    end
  endgenerate
endmodule
`default_nettype wire
