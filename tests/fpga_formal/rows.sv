// ek_rows: row after row of the words, each bit once, under any stalls; no word is taken under `hold`.
`default_nettype none
module rows #(
  parameter int BITS = 12
) (
  input wire logic        clk,
  input wire logic        drop,
  input wire logic        hold,
  input wire logic        word_valid,
  input wire logic        row_ready,
  input wire logic [31:0] word
);
  localparam int ROOM = BITS > 32 ? (BITS + 31) / 32 * 32 : 1 << $clog2(BITS);
  logic [4:0] since = '0;
  wire rst = since == '0;
  logic word_ready, row_valid;
  logic [BITS-1:0] row;
  logic [127:0] taken = '0;  // words that were taken since the last drop, the first lowest
  logic [7:0] words = '0, out = '0;
  wire drops = drop || rst;
  ek_rows #(.BITS(BITS)) dut (.clk, .drop(drops), .hold, .word_valid, .word_ready, .word, .row_valid, .row_ready, .row);
  wire [127:0] at = taken >> (16'(out) * 16'(ROOM));
  always_ff @(posedge clk) begin
    if (since != '1) since <= since + 1'b1;
    if (drops) begin
      words <= '0; out <= '0;
    end else begin
      if (word_valid && word_ready) begin
        taken[32*words[1:0] +: 32] <= word;
        words <= words + 1'b1;
      end
      if (row_valid && row_ready) out <= out + 1'b1;
    end
    assume (words <= 8'd3 || !(word_valid && word_ready));
    if (!rst) begin
      assert (!(hold && word_ready));
      if (row_valid) assert (row == at[BITS-1:0] && 16'(out + 8'd1) * 16'(ROOM) <= 16'(words) * 16'd32);
      cover (row_valid && out == 8'd1);
    end
  end
endmodule
`default_nettype wire
