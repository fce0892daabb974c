// ek_store: whatever a layer's record says, nothing is written at or behind the memory's limit, and every write that is
// held back is told; a write stands until it is taken.
`default_nettype none
module store (
  input wire logic         clk,
  input wire logic         open,
  input wire logic         start,
  input wire logic         dense_valid,
  input wire logic         beat_valid,
  input wire logic         write_ready,
  input wire logic [31:0]  dense_data,
  input wire logic [15:0]  beat_data
);
  logic [4:0] since = '0;
  wire rst = since == '0;
  (* anyconst *) logic dense;
  (* anyconst *) logic [27:0] first, plane_beats, limit;
  (* anyconst *) logic [15:0] out_planes, parts;
  (* anyconst *) logic [31:0] outers;
  logic busy, dense_ready, beat_ready, write, outside;
  logic [27:0] write_address;
  logic [1:0] write_lanes;
  logic [15:0] write_data, write_part;
  logic waits = '0;
  logic [27:0] was = '0;
  ek_store #(.LANES(2), .COLUMNS(4)) dut (
    .clk, .rst, .open, .start, .busy, .dense, .first, .plane_beats, .out_planes, .parts, .outers, .limit, .dense_valid,
    .dense_ready, .dense_data, .beat_valid, .beat_ready, .beat_data, .write, .write_ready, .write_part, .write_address, .write_lanes, .write_data,
    .outside
  );
  always_ff @(posedge clk) begin
    if (since != '1) since <= since + 1'b1;
    waits <= write && !write_ready && !rst; was <= write_address;
    if (since > 5'd1) begin
      if (waits) assert (write && write_address == was);
      if (write) assert (write_address < limit && busy);
      if (outside) assert (!write || waits);
      cover (write && write_address == 28'd9);
      cover (outside);
    end
  end
endmodule
`default_nettype wire
