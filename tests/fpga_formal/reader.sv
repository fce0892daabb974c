// ek_words: words come in order, none at or behind the limit is asked for, and after a start none of before it comes.
`default_nettype none
module reader (
  input wire logic        clk,
  input wire logic        starts,
  input wire logic [3:0]  first,
  input wire logic [4:0]  most,
  input wire logic        word_ready
);
  logic [5:0] since = '0;
  wire rst = since == '0;
  wire start = starts && !rst;
  logic [31:0] limit = '0, expected = '0, answer = '0;
  logic begun = '0;
  logic program_read, word_valid;
  logic [31:0] program_address, word;
  ek_words dut (
    .clk, .rst, .start, .address(32'(first)), .limit, .program_read, .program_address, .program_data(answer), .word_valid,
    .word_ready, .word
  );
  always_ff @(posedge clk) begin
    if (since != '1) since <= since + 1'b1;
    answer <= program_address ^ 32'h5a;  // the memory: of each address a word of its own
    if (start) begin
      limit <= 32'(most); expected <= 32'(first); begun <= 1'b1;
    end else if (word_valid && word_ready) expected <= expected + 1;
    if (!rst) begin
      if (program_read) assert (program_address < limit && begun);
      if (word_valid) assert (begun && word == (expected ^ 32'h5a) && expected < limit);
      cover (word_valid && expected == 32'd5);
    end
  end
endmodule
`default_nettype wire
