// ek_words: words come in order, no line at or behind the limit is asked for, and after a start none of before it comes.
`default_nettype none
module reader (
  input wire logic        clk,
  input wire logic        starts,
  input wire logic [3:0]  first,
  input wire logic [4:0]  most,
  input wire logic        gives,
  input wire logic        comes,
  input wire logic        word_ready
);
  logic [5:0] since = '0;
  wire rst = since == '0;
  wire start = starts && !rst;
  logic [31:0] limit = '0, expected = '0, from = '0;
  logic begun = '0, waits = '0;
  logic [1:0] beat = '0;
  logic line_ask, line_forget, word_valid, outside;
  logic [31:0] line_address, word;
  // the memory: a line at a time, of each address a word of its own
  wire line_given = line_ask && gives && !waits;
  wire line_beat = waits && comes && !line_forget;
  wire [31:0] line_data = (from + 32'(beat)) ^ 32'h5a;
  ek_words #(.BUS_BYTES(4), .LINE_BYTES(16), .AHEAD_LOG2(1)) dut (
    .clk, .rst, .start, .address(32'(first)), .limit(32'(most)), .base(32'h100), .line_ask, .line_given,
    .line_address, .line_forget, .line_beat, .line_data, .word_valid, .word_ready, .word, .outside
  );
  always_ff @(posedge clk) begin
    if (since != '1) since <= since + 1'b1;
    if (line_forget) waits <= 1'b0;
    else if (line_given) begin
      waits <= 1'b1; from <= (line_address - 32'h100) >> 2; beat <= '0;
    end else if (line_beat) begin
      beat <= beat + 1'b1;
      if (beat == 2'd3) waits <= 1'b0;
    end
    if (start) begin
      limit <= 32'(most); expected <= 32'(first); begun <= 1'b1;
    end else if (word_valid && word_ready) expected <= expected + 1;
    if (!rst) begin
      if (line_ask) assert (line_address >= 32'h100 && line_address < 32'h100 + (limit << 2) && line_address[3:0] == '0 && begun);
      if (word_valid) assert (begun && word == (expected ^ 32'h5a) && expected < limit);
      if (outside) assert (begun && expected >= limit && !word_valid);
      cover (word_valid && expected == 32'd3);
      cover (outside && expected == 32'd1);
    end
  end
endmodule
`default_nettype wire
