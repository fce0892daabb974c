// Registers: a run's layers and addresses stay while it goes on; a run that begins forgets the one before, even one that
// ends in the same cycle.
`default_nettype none
module control (
  input wire        clk,
  input wire        awvalid, wvalid, bready, stalled, ends,
  input wire [5:0]  awaddr,
  input wire [31:0] wdata
);
  `include "ek_program.svh"
  logic rst = 1'b1, busy = 1'b0;
  wire awready, wready, bvalid, irq, start, abort;
  wire [15:0] first_layer, layers;
  wire [31:0] program_base, image_base, dram_base;
  ek_control #(.LANES(2), .COLUMNS(2)) dut (
    .clk, .rst, .awvalid, .awready, .awaddr, .wvalid, .wready, .wdata, .bvalid, .bready, .arvalid(1'b0), .arready(),
    .araddr(6'd0), .rvalid(), .rready(1'b1), .rdata(), .irq, .start, .abort, .busy, .stalled, .error(4'd0),
    .layer(16'd0), .first_layer, .layers, .program_base, .image_base, .dram_base
  );
  wire [127:0] held = {first_layer, layers, program_base, image_base, dram_base};
  wire written = awvalid && awready && wvalid && wready;
  logic [127:0] last;
  logic was_busy = 1'b0, was_start = 1'b0, was_end = 1'b0;
  always_ff @(posedge clk) begin
    rst <= 1'b0;
    if (rst) busy <= 1'b0;
    else if (start) busy <= 1'b1;
    else if (ends) busy <= 1'b0;
    last <= held;
    was_busy <= busy; was_start <= start && !rst; was_end <= was_busy && !busy && !start;
  end
  always @(posedge clk) if (!rst) begin
    assert (!start || !busy);
    assert (!abort || busy);
    if (was_busy) assert (held == last);
    if (was_start) assert (!irq);
    if (bvalid) assert (!written);
    cover (irq && was_end);
    cover (was_busy && !busy && start);
    cover (busy && written && awaddr[5:2] == REGISTER_PROGRAM && wdata[31:6] != program_base[31:6]);
  end
endmodule
`default_nettype wire
