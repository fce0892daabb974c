// What AXI4 asks of the port to memory, of both sides; a simulation stops where it does not hold.
`ifndef SYNTHESIS
`default_nettype none
module ek_axi_rules #(
  parameter int BUS_BYTES = 8
) (
  input  wire logic                   clk,
  input  wire logic                   rst,
  input  wire logic                   arvalid,
  input  wire logic                   arready,
  input  wire logic [31:0]            araddr,
  input  wire logic [7:0]             arlen,
  input  wire logic                   rvalid,
  input  wire logic                   rready,
  input  wire logic [8*BUS_BYTES-1:0] rdata,
  input  wire logic                   rlast,
  input  wire logic                   awvalid,
  input  wire logic                   awready,
  input  wire logic [31:0]            awaddr,
  input  wire logic [7:0]             awlen,
  input  wire logic                   wvalid,
  input  wire logic                   wready,
  input  wire logic [8*BUS_BYTES-1:0] wdata,
  input  wire logic [BUS_BYTES-1:0]   wstrb,
  input  wire logic                   wlast,
  input  wire logic                   bvalid,
  input  wire logic                   bready
);
  localparam int MOST = 256;  // bursts under way
  logic [7:0] read_lens [MOST], write_lens [MOST];
  logic [7:0] read_from, read_to, write_from, write_to, read_beat, write_beat, ended, answered;
  logic was_arvalid, was_awvalid, was_wvalid, was_rvalid, was_bvalid, was_wlast, was_rlast;
  logic [39:0] was_ar, was_aw;
  logic [8*BUS_BYTES-1:0] was_wdata, was_rdata;
  logic [BUS_BYTES-1:0] was_wstrb;
  always_ff @(posedge clk) begin
    was_arvalid <= arvalid && !arready && !rst; was_ar <= {araddr, arlen};
    was_awvalid <= awvalid && !awready && !rst; was_aw <= {awaddr, awlen};
    was_wvalid <= wvalid && !wready && !rst; was_wdata <= wdata; was_wstrb <= wstrb; was_wlast <= wlast;
    was_rvalid <= rvalid && !rready && !rst; was_rdata <= rdata; was_rlast <= rlast;
    was_bvalid <= bvalid && !bready && !rst;
    if (rst) begin
      read_from <= '0; read_to <= '0; write_from <= '0; write_to <= '0; read_beat <= '0; write_beat <= '0;
      ended <= '0; answered <= '0;
    end else begin
      if (arvalid && arready) begin
        read_lens[read_to] <= arlen; read_to <= read_to + 1'b1;
      end
      if (awvalid && awready) begin
        write_lens[write_to] <= awlen; write_to <= write_to + 1'b1;
      end
      if (rvalid && rready) begin
        read_beat <= rlast ? '0 : read_beat + 1'b1;
        if (rlast) read_from <= read_from + 1'b1;
      end
      if (wvalid && wready) begin
        write_beat <= wlast ? '0 : write_beat + 1'b1;
        if (wlast) begin
          write_from <= write_from + 1'b1; ended <= ended + 1'b1;
        end
      end
      if (bvalid && bready) answered <= answered + 1'b1;
    end
  end
  wire [12:0] read_end = 13'(araddr[11:0]) + (13'(arlen) + 13'd1) * 13'(BUS_BYTES);
  wire [12:0] write_end = 13'(awaddr[11:0]) + (13'(awlen) + 13'd1) * 13'(BUS_BYTES);
  always_ff @(posedge clk) if (!rst) begin
    assert (!was_arvalid || (arvalid && was_ar == {araddr, arlen})) else $fatal(1, "AXI: AR changes before it is taken");
    assert (!was_awvalid || (awvalid && was_aw == {awaddr, awlen})) else $fatal(1, "AXI: AW changes before it is taken");
    assert (!was_wvalid || (wvalid && was_wdata == wdata && was_wstrb == wstrb && was_wlast == wlast))
      else $fatal(1, "AXI: W changes before it is taken");
    assert (!was_rvalid || (rvalid && was_rdata == rdata && was_rlast == rlast))
      else $fatal(1, "AXI: R changes before it is taken");
    assert (!was_bvalid || bvalid) else $fatal(1, "AXI: B goes before it is taken");
    assert (!arvalid || (read_end <= 13'd4096 && araddr % BUS_BYTES == 0)) else $fatal(1, "AXI: a read over 4 KiB");
    assert (!awvalid || (write_end <= 13'd4096 && awaddr % BUS_BYTES == 0)) else $fatal(1, "AXI: a write over 4 KiB");
    assert (!(arvalid && arready) || read_to + 8'd1 != read_from) else $fatal(1, "AXI: too many reads");
    if (rvalid) begin
      assert (read_from != read_to) else $fatal(1, "AXI: R without AR");
      assert (rlast == (read_beat == read_lens[read_from])) else $fatal(1, "AXI: RLAST at beat %0d", read_beat);
    end
    if (wvalid && wready) begin
      if (write_from != write_to)
        assert (wlast == (write_beat == write_lens[write_from])) else $fatal(1, "AXI: WLAST at beat %0d", write_beat);
      else
        assert (awvalid && wlast == (write_beat == awlen)) else $fatal(1, "AXI: W without AW");
    end
    assert (!bvalid || answered != ended) else $fatal(1, "AXI: B before WLAST");
  end
endmodule
`default_nettype wire
`endif
