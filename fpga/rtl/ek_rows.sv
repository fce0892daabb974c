// Rows of BITS bits out of words: several rows share a word, each with a power of two of bits, or a row takes whole
// words. `drop` forgets the rest of a word; no word is taken while `hold`.
`default_nettype none
module ek_rows #(
  parameter int BITS = 64
) (
  input  wire logic            clk,
  input  wire logic            drop,
  input  wire logic            hold,
  input  wire logic            word_valid,
  output      logic            word_ready,
  input  wire logic [31:0]     word,
  output      logic            row_valid,
  input  wire logic            row_ready,
  output      logic [BITS-1:0] row
);
  localparam int ROOM = BITS > 32 ? 32 : 1 << $clog2(BITS);
  localparam int MOST = BITS > 32 ? (BITS + 31) / 32 : 32 / ROOM;  // words of a row, or rows of a word
  localparam int CW = $clog2(MOST + 1);
  localparam logic [CW-1:0] FULL = CW'(MOST);
  logic [CW-1:0] count;
  wire pops = row_valid && row_ready;
  wire takes = word_valid && word_ready;
  generate
    if (BITS > 32) begin : g_long
      logic [32*MOST-1:0] words;
      assign row_valid = count == FULL;
      assign word_ready = !hold && (!row_valid || row_ready);
      assign row = words[BITS-1:0];
      always_ff @(posedge clk) begin
        if (drop) count <= '0;
        else if (pops) count <= CW'(takes);
        else if (takes) count <= count + 1'b1;
        if (takes) words <= {word, words[32*MOST-1:32]};
      end
    end else begin : g_short
      logic [31:0] left;
      assign row_valid = count != '0;
      assign word_ready = !hold && (!row_valid || (count == CW'(1) && row_ready));
      assign row = left[BITS-1:0];
      always_ff @(posedge clk) begin
        if (drop) count <= '0;
        else if (takes) count <= FULL;
        else if (pops) count <= count - 1'b1;
        if (takes) left <= word;
        else if (pops) left <= 32'(left >> ROOM);
      end
    end
  endgenerate
endmodule
`default_nettype wire
