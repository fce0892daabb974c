// The program's words one behind another: from `address` on, where `start` says so, up to word `limit`. What was read
// ahead is forgotten at `start`. `base` is where the program begins in memory, a multiple of LINE_BYTES. `outside`: a word
// at or behind the limit is asked for; none comes.
`default_nettype none
module ek_words #(
  parameter int BUS_BYTES = 8,
  parameter int LINE_BYTES = 64,
  parameter int AHEAD_LOG2 = 2  // of the lines that are read ahead
) (
  input  wire logic                   clk,
  input  wire logic                   rst,
  input  wire logic                   start,
  input  wire logic [31:0]            address,
  input  wire logic [31:0]            limit,
  input  wire logic [31:0]            base,
  output      logic                   line_ask,
  input  wire logic                   line_given,
  output      logic [31:0]            line_address,
  output      logic                   line_forget,
  input  wire logic                   line_beat,
  input  wire logic [8*BUS_BYTES-1:0] line_data,
  output      logic                   word_valid,
  input  wire logic                   word_ready,
  output      logic [31:0]            word,
  output      logic                   outside
);
  localparam int BEATS = LINE_BYTES / BUS_BYTES;  // of a line
  localparam int WORDS = BUS_BYTES / 4;           // of a beat
  localparam int LW = $clog2(LINE_BYTES / 4);
  localparam int DW = AHEAD_LOG2 + $clog2(BEATS);
  localparam int KW = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int SW = WORDS > 1 ? $clog2(WORDS) : 1;
  logic active, more, some, room, idle, beat_there;
  logic [31:0] next, at, own_limit;
  logic [DW:0] reserved;  // beats that have a place
  logic [KW-1:0] skip;    // beats of the first line before the first word
  logic [SW-1:0] sub;     // the word of a beat that is next
  logic [8*BUS_BYTES-1:0] beat;
  wire forget = rst || start;
  wire [31:0] line_of = {address[31:LW], LW'(0)};
  wire [31:0] following = next + 32'(LINE_BYTES / 4);
  assign line_ask = active && !forget && more && reserved <= (DW + 1)'((1 << DW) - BEATS);
  assign line_address = base + (next << 2);
  assign line_forget = forget;
  wire skips = line_beat && skip != '0;
  wire take = word_valid && word_ready;
  wire last_sub = sub == SW'(WORDS - 1);
  assign word_valid = beat_there && some;
  assign outside = active && !forget && word_ready && !some;
  always_ff @(posedge clk) begin
    active <= !rst && (active || start);
    if (forget) reserved <= '0;
    else
      reserved <= reserved + (line_given ? (DW + 1)'(BEATS) : '0) - (DW + 1)'(skips)
        - (DW + 1)'(take && last_sub);
    if (start) begin
      own_limit <= limit; next <= line_of; at <= address;
      more <= address < limit; some <= address < limit;
      skip <= BEATS > 1 ? KW'(address[LW-1:0] / LW'(WORDS)) : '0;
      sub <= WORDS > 1 ? address[SW-1:0] : '0;
    end else begin
      if (line_given) begin
        next <= following; more <= following < own_limit;
      end
      if (skips) skip <= skip - 1'b1;
      if (take) begin
        at <= at + 1; some <= at + 1 != own_limit;
        sub <= last_sub ? '0 : sub + 1'b1;
      end
    end
  end
  wire put = line_beat && !skips;
  ek_results #(.BITS(8 * BUS_BYTES), .DEPTH_LOG2(DW)) ahead (
    .clk, .rst(forget), .take(put), .room, .idle, .put, .put_data(line_data), .out_valid(beat_there),
    .out_ready(take && last_sub), .out_data(beat)
  );
  generate
    if (WORDS > 1) begin : g_several
      assign word = beat[32*sub +: 32];
    end else begin : g_one
      assign word = beat[31:0];
    end
  endgenerate
endmodule
`default_nettype wire
