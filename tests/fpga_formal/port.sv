// ek_lines: every client gets the beats of its lines, in order, and none of before a forget; AR stands until it is taken;
// every burst is a line; nobody waits for the other for ever.
`default_nettype none
module port (
  input wire logic       clk,
  input wire logic [1:0] wants,
  input wire logic [1:0] forgets,
  input wire logic [4:0] from0,
  input wire logic [4:0] from1,
  input wire logic       arready,
  input wire logic       comes
);
  logic [4:0] since = '0;
  wire rst = since == '0;
  wire [1:0] forget = rst ? '0 : forgets, ask = rst ? '0 : wants & ~forgets;
  logic arvalid, rready, idle, error, was_arvalid = '0;
  logic [1:0] given, beat;
  logic [31:0] araddr, was_araddr = '0, data;
  logic [7:0] arlen;
  // the memory: up to four lines of two beats, whose data say which line it is
  logic [4:0] lines [4];
  logic [2:0] to = '0, at = '0;
  logic half = '0;
  wire rvalid = comes && to != at && !rst;
  wire [31:0] rdata = {26'd0, lines[at[1:0]], half};
  ek_lines #(.BUS_BYTES(4), .LINE_BYTES(8), .PENDING_LOG2(2)) dut (
    .clk, .rst, .ask, .given, .address({27'd0, from1, 27'd0, from0} << 3), .forget, .beat, .data, .idle, .error, .arvalid,
    .arready(arready && to - at != 3'd4), .araddr, .arlen, .rvalid, .rready, .rdata, .rresp(2'b00), .rlast(half)
  );
  // client 0: what it asked for last and before, since it forgot
  logic [4:0] waits [4];
  logic [2:0] asked = '0, got = '0;
  logic second = '0;
  logic [2:0] starved = '0;
  always_ff @(posedge clk) begin
    if (since != '1) since <= since + 1'b1;
    was_arvalid <= arvalid && !(arready && to - at != 3'd4) && !rst; was_araddr <= araddr;
    if (!rst && arvalid && arready && to - at != 3'd4) begin
      lines[to[1:0]] <= araddr[7:3]; to <= to + 1'b1;
    end
    if (rvalid) begin
      half <= !half;
      if (half) at <= at + 1'b1;
    end
    if (forget[0]) begin
      asked <= '0; got <= '0; second <= '0;
    end else begin
      if (given[0]) begin
        waits[asked[1:0]] <= from0; asked <= asked + 1'b1;
      end
      if (beat[0]) begin
        second <= !second;
        if (second) got <= got + 1'b1;
      end
    end
    starved <= ask[0] && !given[0] && given[1] ? starved + 1'b1 : given[0] || !ask[0] ? '0 : starved;
    if (!rst) begin
      assert (given == '0 || given == 2'b01 || given == 2'b10);
      if (was_arvalid) assert (arvalid && araddr == was_araddr);
      if (arvalid) assert (araddr[2:0] == '0 && arlen == 8'd1);
      if (beat[0]) assert (asked != got && data == {26'd0, waits[got[1:0]], second});
      assert (starved <= 3'd1);
      cover (beat[0] && got == 3'd1);
      cover (beat[0] && given[1]);
    end
  end
endmodule
`default_nettype wire
