// Blocks of a program on their way to a data path: of each its biases, its scales, its rows of weights. Of a dense block
// the scaling goes with the last row, as the array wants it; of a depthwise one each becomes a row of the tables.
// `start` begins `blocks` blocks of `rows` rows; `busy` falls when the last row has left.
`default_nettype none
module ek_blocks #(
  parameter int LANES = 16,
  parameter int COLUMNS = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int MULT_BITS = 16
) (
  input  wire logic                                 clk,
  input  wire logic                                 rst,
  input  wire logic                                 start,
  output      logic                                 busy,
  input  wire logic                                 dense,
  input  wire logic [31:0]                          blocks,
  input  wire logic [31:0]                          rows,
  input  wire logic                                 word_valid,
  output      logic                                 word_ready,
  input  wire logic [31:0]                          word,
  output      logic                                 weight_valid,
  input  wire logic                                 weight_ready,
  output      logic [WEIGHT_BITS*LANES*COLUMNS-1:0] weight_data,
  output      logic [(38+MULT_BITS)*COLUMNS-1:0]    weight_scaling,
  output      logic                                 table_en,
  output      logic [3:0]                           table_row,
  output      logic [15:0]                          table_group,
  output      logic [32*LANES-1:0]                  table_data
);
  localparam int M = LANES > COLUMNS ? LANES : COLUMNS;
  localparam int SW = MULT_BITS + 6;
  localparam logic [2:0] IDLE = 3'd0, BIAS = 3'd1, SCALE = 3'd2, PUT_BIAS = 3'd3, PUT_MULT = 3'd4, PUT_SHIFT = 3'd5,
                         ROWS = 3'd6;
  genvar i;
  logic [2:0] state;
  logic [31:0] block, row, end_block, end_row;  // the last of each
  logic [7:0] channel;
  logic [32*M-1:0] bias;
  logic [SW*M-1:0] scale;
  assign busy = state != IDLE;

  // ---- rows: the words of the one or the other path
  wire long_word, long_valid, short_word, short_valid;
  wire [WEIGHT_BITS*LANES-1:0] short_row;
  logic last_row;  // `row` is the block's last
  wire row_valid = dense ? long_valid : short_valid;
  wire row_ready = state == ROWS && (!dense || weight_ready);
  wire row_leaves = row_valid && row_ready;
  wire hold = state != ROWS || (row_valid && last_row);
  wire drop = rst || start || (row_leaves && last_row);
  ek_rows #(.BITS(WEIGHT_BITS * LANES * COLUMNS)) long_rows (
    .clk, .drop, .hold(hold || !dense), .word_valid, .word_ready(long_word), .word, .row_valid(long_valid),
    .row_ready(row_ready && dense), .row(weight_data)
  );
  ek_rows #(.BITS(WEIGHT_BITS * LANES)) short_rows (
    .clk, .drop, .hold(hold || dense), .word_valid, .word_ready(short_word), .word, .row_valid(short_valid),
    .row_ready(row_ready && !dense), .row(short_row)
  );
  assign word_ready = state == BIAS || state == SCALE || long_word || short_word;
  assign weight_valid = state == ROWS && dense && long_valid;

  wire takes = word_valid && (state == BIAS || state == SCALE);
  wire [7:0] last_channel = dense ? 8'(COLUMNS - 1) : 8'(LANES - 1);
  always_ff @(posedge clk) begin
    if (rst) state <= IDLE;
    else
      case (state)
        IDLE: if (start) state <= BIAS;
        BIAS: if (takes && channel == last_channel) state <= SCALE;
        SCALE: if (takes && channel == last_channel) state <= dense ? ROWS : PUT_BIAS;
        PUT_BIAS: state <= PUT_MULT;
        PUT_MULT: state <= PUT_SHIFT;
        PUT_SHIFT: state <= ROWS;
        ROWS: if (row_leaves && last_row) state <= block == end_block ? IDLE : BIAS;
        default: state <= IDLE;
      endcase
    if (start) begin
      block <= '0; row <= '0; channel <= '0; end_block <= blocks - 1; end_row <= rows - 1; last_row <= rows == 1;
    end else begin
      if (takes) channel <= channel == last_channel ? '0 : channel + 1'b1;
      if (row_leaves) begin
        row <= last_row ? '0 : row + 1;
        last_row <= last_row ? end_row == '0 : row + 1 == end_row;
        if (last_row) block <= block + 1;
      end
    end
    if (takes && state == BIAS) bias <= (32 * M)'({word, bias} >> 32);
    if (takes && state == SCALE) scale <= (SW * M)'({word[21:16], word[MULT_BITS-1:0], scale} >> SW);
  end

  // ---- what was shifted in last stands at the top
  wire [SW*COLUMNS-1:0] own_scale = scale[SW*M-1 -: SW*COLUMNS];
  wire [SW*LANES-1:0] lane_scale = scale[SW*M-1 -: SW*LANES];
  wire [MULT_BITS*LANES-1:0] mults;
  wire [6*LANES-1:0] shifts;
  assign weight_scaling[32*COLUMNS-1:0] = bias[32*M-1 -: 32*COLUMNS];
  generate
    for (i = 0; i < COLUMNS; i++) begin : g_column
      assign weight_scaling[32*COLUMNS + MULT_BITS*i +: MULT_BITS] = own_scale[SW*i +: MULT_BITS];
      assign weight_scaling[(32+MULT_BITS)*COLUMNS + 6*i +: 6] = own_scale[SW*i + MULT_BITS +: 6];
    end
    for (i = 0; i < LANES; i++) begin : g_lane
      assign mults[MULT_BITS*i +: MULT_BITS] = lane_scale[SW*i +: MULT_BITS];
      assign shifts[6*i +: 6] = lane_scale[SW*i + MULT_BITS +: 6];
    end
  endgenerate
  assign table_en = state == PUT_BIAS || state == PUT_MULT || state == PUT_SHIFT || (row_leaves && !dense);
  assign table_row = state == PUT_BIAS ? 4'd9 : state == PUT_MULT ? 4'd10 : state == PUT_SHIFT ? 4'd11 : row[3:0];
  assign table_group = block[15:0];
  assign table_data = state == PUT_BIAS ? bias[32*M-1 -: 32*LANES]
    : state == PUT_MULT ? (32 * LANES)'(mults) : state == PUT_SHIFT ? (32 * LANES)'(shifts)
    : (32 * LANES)'(short_row);
`ifndef SYNTHESIS
  always_ff @(posedge clk) if (!rst && start) begin
    assert (!busy) else $fatal(1, "ek_blocks: start while busy");
    assert (blocks != '0 && rows != '0) else $fatal(1, "ek_blocks: no blocks or no rows");
  end
`endif
endmodule
`default_nettype wire
