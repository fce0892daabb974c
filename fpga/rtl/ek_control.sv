// The registers of docs/fpga-program.md behind AXI4-Lite: one write and one read at a time.
// `start` begins a run, `abort` ends one; writes of both while there is nothing to begin or end change nothing, nor do
// writes of layers and addresses during a run. `cycles` and `stalls` count those of the last run; `irq` rises when it
// ends, where it is enabled.
`default_nettype none
module ek_control #(
  parameter int LANES = 16,
  parameter int COLUMNS = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int DMAX = 7,
  parameter int LINE_BYTES = 64
) (
  input  wire logic        clk,
  input  wire logic        rst,
  input  wire logic        awvalid,
  output      logic        awready,
  input  wire logic [5:0]  awaddr,
  input  wire logic        wvalid,
  output      logic        wready,
  input  wire logic [31:0] wdata,
  output      logic        bvalid,
  input  wire logic        bready,
  input  wire logic        arvalid,
  output      logic        arready,
  input  wire logic [5:0]  araddr,
  output      logic        rvalid,
  input  wire logic        rready,
  output      logic [31:0] rdata,
  output      logic        irq,
  output      logic        start,
  output      logic        abort,
  input  wire logic        busy,
  input  wire logic        stalled,
  input  wire logic [3:0]  error,
  input  wire logic [15:0] layer,
  output      logic [15:0] first_layer,
  output      logic [15:0] layers,
  output      logic [31:0] program_base,
  output      logic [31:0] image_base,
  output      logic [31:0] dram_base
);
  `include "ek_program.svh"
  localparam logic [31:0] WHOLE = ~32'(LINE_BYTES - 1);
  logic enabled, pending, was_busy;
  logic [31:0] cycles, stalls;
  wire write = awvalid && wvalid && !bvalid;
  wire [3:0] at = awaddr[5:2];
  assign awready = write;
  assign wready = write;
  assign irq = enabled && pending;
  assign start = write && at == REGISTER_CONTROL && wdata[0] && !busy;
  assign abort = write && at == REGISTER_CONTROL && wdata[1] && busy;
  always_ff @(posedge clk) begin
    was_busy <= busy && !rst;
    if (rst) begin
      bvalid <= 1'b0; enabled <= 1'b0; pending <= 1'b0;
    end else begin
      if (write) bvalid <= 1'b1;
      else if (bready) bvalid <= 1'b0;
      if (write && at == REGISTER_INTERRUPT) enabled <= wdata[0];
      if (start) pending <= 1'b0;  // even where the run before ended in this cycle
      else if (was_busy && !busy) pending <= 1'b1;
      else if (write && at == REGISTER_INTERRUPT && wdata[1]) pending <= 1'b0;
    end
    if (write && !busy)
      case (at)
        REGISTER_LAYERS: {layers, first_layer} <= wdata;
        REGISTER_PROGRAM: program_base <= wdata & WHOLE;
        REGISTER_IMAGE: image_base <= wdata & WHOLE;
        REGISTER_DRAM: dram_base <= wdata & WHOLE;
        default: ;
      endcase
    if (start || rst) begin
      cycles <= '0; stalls <= '0;
    end else if (busy) begin
      cycles <= cycles + 1; stalls <= stalls + 32'(stalled);
    end
  end
  wire read = arvalid && !rvalid;
  assign arready = read;
  always_ff @(posedge clk) begin
    if (rst) rvalid <= 1'b0;
    else if (read) rvalid <= 1'b1;
    else if (rready) rvalid <= 1'b0;
    if (read)
      case (araddr[5:2])
        REGISTER_STATUS: rdata <= {layer, 4'd0, error, 6'd0, pending, busy};
        REGISTER_INTERRUPT: rdata <= {30'd0, pending, enabled};
        REGISTER_LAYERS: rdata <= {layers, first_layer};
        REGISTER_PROGRAM: rdata <= program_base;
        REGISTER_IMAGE: rdata <= image_base;
        REGISTER_DRAM: rdata <= dram_base;
        REGISTER_CYCLES: rdata <= cycles;
        REGISTER_STALLS: rdata <= stalls;
        REGISTER_ENGINE: rdata <= {8'(DMAX), 8'(WEIGHT_BITS), 8'(COLUMNS), 8'(LANES)};
        REGISTER_VERSION: rdata <= VERSION;
        default: rdata <= '0;
      endcase
  end
endmodule
`default_nettype wire
