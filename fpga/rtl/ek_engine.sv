// The engine: it reads a program, docs/fpga-program.md, and runs its layers one after another through its data paths: the
// dense array, the depthwise path and the pool.
// `start`, while not `busy`, runs `layers` layers from `first_layer` on. `busy` falls when memory has taken their last
// result, or after an `error`, one of the ERRORs of ek_program.svh, in layer `layer`, or an `abort`, when memory has
// answered all that it was asked. Results go to the buffer, which is in here, or to DRAM. Memory is read by lines, see
// ek_lines: client 0 reads the program, client 1 DRAM and the input. `stalled`: a data path waited in
// the cycle before.
`default_nettype none
module ek_engine #(
  parameter int LANES = 16,
  parameter int COLUMNS = 16,
  parameter int WEIGHT_BITS = 4,
  parameter int DMAX = 7,
  parameter int ROWS = 16,
  parameter int LINE_BEATS = 512,
  parameter int WEIGHT_BEATS = 512,
  parameter int GROUPS = 16,
  parameter int ACC_BITS = 24,
  parameter int MULT_BITS = 16,
  parameter int PLANE_ROWS = 512,
  parameter int BUFFER_BEATS = 512,
  parameter int BUS_BYTES = 8,
  parameter int LINE_BYTES = 64,
  parameter int READ_LINES = 64,
  parameter int WRITE_LINES = 16
) (
  input  wire logic               clk,
  input  wire logic               rst,
  input  wire logic               start,
  input  wire logic               abort,
  input  wire logic [15:0]        first_layer,
  input  wire logic [15:0]        layers,
  input  wire logic [31:0]        program_base,
  input  wire logic [31:0]        image_base,
  input  wire logic [31:0]        dram_base,
  output      logic               busy,
  output      logic               stalled,
  output      logic [3:0]         error,
  output      logic [15:0]        layer,
  output      logic [1:0]         line_ask,
  input  wire logic [1:0]         line_given,
  output      logic [63:0]        line_address,
  output      logic [1:0]         line_forget,
  input  wire logic [1:0]         line_beat,
  input  wire logic [8*BUS_BYTES-1:0] line_data,
  input  wire logic               lines_idle,
  input  wire logic               read_error,
  output      logic               awvalid,
  input  wire logic               awready,
  output      logic [31:0]        awaddr,
  output      logic [7:0]         awlen,
  output      logic               wvalid,
  input  wire logic               wready,
  output      logic [8*BUS_BYTES-1:0] wdata,
  output      logic [BUS_BYTES-1:0] wstrb,
  output      logic               wlast,
  input  wire logic               bvalid,
  output      logic               bready,
  input  wire logic [1:0]         bresp
);
  `include "ek_program.svh"
  localparam int BW = BUFFER_BEATS > 1 ? $clog2(BUFFER_BEATS) : 1;
  generate
    if (BUFFER_BEATS < 1 || BUFFER_BEATS > 1 << 28) begin : g_bad_buffer
      $error("ek_engine: BUFFER_BEATS is 1 to 2^28");
    end
    if (DMAX < 1 || 2 * DMAX + 2 > ROWS) begin : g_bad_dmax
      $error("ek_engine: ROWS is 2 * DMAX + 2 or more");
    end
  endgenerate
  genvar i;

  // ---- the program: words that `take` takes; `number` counts them
  localparam logic [3:0] IDLE = 4'd0, HEADER = 4'd1, RECORD = 4'd2, PLANES = 4'd3, BLOCKS = 4'd4, TABLES = 4'd5,
                         WAIT = 4'd6, PASS = 4'd7, RUN = 4'd8, NEXT = 4'd9, READY = 4'd10, DRAIN = 4'd11;
  logic [3:0] state;
  logic [3:0] found, refused;  // an error, and in the cycle behind it
  logic begins, seeks, follows, word_valid, word_ready, blocks_word;
  logic [31:0] word, seek_address, seek_limit, number, record_at, program_words;
  logic [15:0] first_own, left;  // layers
  logic words_outside, fetch_outside, store_outside, write_error, writer_idle, clearing;
  wire fails = refused != ERROR_NONE;
  wire stop = rst || fails;  // of everything that runs
  logic [15:0] planes, end_plane;
  wire take = word_valid && word_ready;
  wire reads = !seeks && (state == HEADER || state == RECORD || state == PLANES);
  wire last_header = take && state == HEADER && number == 32'(HEADER_WORDS - 1);
  wire last_field = take && state == RECORD && number == 32'(LAYER_WORDS - 1);
  wire last_plane = take && state == PLANES && number == 32'(end_plane);
  wire to_record = last_header || (state == NEXT && left != 16'd1);
  assign begins = start && state == IDLE;
  assign word_ready = reads || blocks_word;
  ek_words #(.BUS_BYTES(BUS_BYTES), .LINE_BYTES(LINE_BYTES)) words (
    .clk, .rst(stop || state == DRAIN), .start(begins || seeks), .address(begins ? 32'd0 : seek_address),
    .limit(begins ? 32'(HEADER_WORDS) : seek_limit),
    .base(program_base), .line_ask(line_ask[0]), .line_given(line_given[0]), .line_address(line_address[31:0]),
    .line_forget(line_forget[0]), .line_beat(line_beat[0]), .line_data, .word_valid, .word_ready, .word, .outside(words_outside)
  );

  // ---- the header: what it says that this engine is not
  logic [27:0] buffer_limit, dram_limit, image_limit;
  logic image_whole;
  localparam int GRAIN = LANES < 4 ? LANES : 4;
  logic checks, checks_layer;  // a word that was taken in the cycle before
  logic [31:0] checked, checked_number;
  wire beyond = checked[31:28] != '0 || checked >> (32 - $clog2(LANES)) != '0;  // more than 4 GiB
  wire [31:0] own_array = {8'(DMAX), 8'(WEIGHT_BITS), 8'(COLUMNS), 8'(LANES)};
  always_comb begin
    found = ERROR_NONE;
    if (checks && !checks_layer)
      case (checked_number)
        PROGRAM_MAGIC_WORD: if (checked != MAGIC) found = ERROR_MAGIC;
        PROGRAM_VERSION_WORD: if (checked != VERSION) found = ERROR_VERSION;
        PROGRAM_LANES_WORD: if (checked != own_array) found = ERROR_ENGINE;
        PROGRAM_LINE_BEATS_WORD:
          if (32'(checked[15:0]) > LINE_BEATS || 32'(checked[31:16]) > GROUPS) found = ERROR_MEMORY;
        PROGRAM_BANK_ROWS_WORD:
          if (32'(checked[15:0]) > WEIGHT_BEATS / 2 || 32'(checked[31:16]) > PLANE_ROWS) found = ERROR_MEMORY;
        PROGRAM_ACCUMULATOR_BITS_WORD:
          if (32'(checked[15:0]) > ACC_BITS) found = ERROR_MEMORY;
          else if (32'(checked[31:16]) != GRAIN && 32'(checked[31:16]) != LANES) found = ERROR_ENGINE;
        PROGRAM_BUFFER_BEATS_WORD: if (checked > BUFFER_BEATS) found = ERROR_MEMORY;
        PROGRAM_DRAM_BEATS_WORD, PROGRAM_IMAGE_BEATS_WORD: if (beyond) found = ERROR_MEMORY;
        PROGRAM_LAYERS_WORD:
          if (checked < 32'(first_own) + 32'(left) || left == '0) found = ERROR_LAYERS;
        default: ;
      endcase
    else if (checks && checked_number == 32'(LAYER_PLANES_WORD) && 32'(checked[15:0]) > PLANE_ROWS)
      found = ERROR_MEMORY;
    else if (words_outside || fetch_outside || store_outside) found = ERROR_ADDRESS;
    if (state != IDLE && state != DRAIN && (read_error || write_error)) found = ERROR_BUS;
    if (state != DRAIN && abort) found = ERROR_ABORTED;
  end
  always_ff @(posedge clk) begin
    refused <= rst || fails ? ERROR_NONE : found;
    checks <= take && (state == HEADER || state == RECORD) && !stop;
    checks_layer <= state == RECORD; checked <= word; checked_number <= number;
    if (take && state == HEADER)
      case (number)
        PROGRAM_WORDS_WORD: program_words <= word;
        PROGRAM_ACCUMULATOR_BITS_WORD: image_whole <= 32'(word[31:16]) == LANES;
        PROGRAM_BUFFER_BEATS_WORD: buffer_limit <= word[27:0];
        PROGRAM_DRAM_BEATS_WORD: dram_limit <= word[27:0];
        PROGRAM_IMAGE_BEATS_WORD: image_limit <= word[27:0];
        default: ;
      endcase
  end

  // ---- the layer's record
  logic [31:0] record [LAYER_WORDS];
  always_ff @(posedge clk) if (take && state == RECORD) record[number[3:0]] <= word;
  wire [1:0] path = record[LAYER_PATH_WORD][LAYER_PATH_LOW +: LAYER_PATH_BITS];
  wire deform = record[LAYER_DEFORM_WORD][LAYER_DEFORM_LOW];
  wire [1:0] stride_log2 = record[LAYER_STRIDE_LOG2_WORD][LAYER_STRIDE_LOG2_LOW +: LAYER_STRIDE_LOG2_BITS];
  wire [7:0] kernel = record[LAYER_KERNEL_WORD][LAYER_KERNEL_LOW +: LAYER_KERNEL_BITS];
  wire [15:0] height = record[LAYER_HEIGHT_WORD][LAYER_HEIGHT_LOW +: LAYER_HEIGHT_BITS];
  wire [15:0] width = record[LAYER_WIDTH_WORD][LAYER_WIDTH_LOW +: LAYER_WIDTH_BITS];
  assign planes = record[LAYER_PLANES_WORD][LAYER_PLANES_LOW +: LAYER_PLANES_BITS];
  wire [15:0] out_planes = record[LAYER_OUT_PLANES_WORD][LAYER_OUT_PLANES_LOW +: LAYER_OUT_PLANES_BITS];
  wire signed [7:0] x_zero = record[LAYER_X_ZERO_WORD][LAYER_X_ZERO_LOW +: LAYER_X_ZERO_BITS];
  wire signed [7:0] y_zero = record[LAYER_Y_ZERO_WORD][LAYER_Y_ZERO_LOW +: LAYER_Y_ZERO_BITS];
  wire signed [7:0] y_min = record[LAYER_Y_MIN_WORD][LAYER_Y_MIN_LOW +: LAYER_Y_MIN_BITS];
  wire signed [7:0] y_max = record[LAYER_Y_MAX_WORD][LAYER_Y_MAX_LOW +: LAYER_Y_MAX_BITS];
  wire [31:0] y = record[LAYER_Y_WORD], d = record[LAYER_D_WORD];
  wire [31:0] first_plane = record[LAYER_FIRST_PLANE_WORD], first_block = record[LAYER_FIRST_BLOCK_WORD];
  wire [31:0] plane_beats = record[LAYER_PLANE_BEATS_WORD], beats = record[LAYER_BEATS_WORD];
  wire [31:0] groups = record[LAYER_GROUPS_WORD], groups_per_pass = record[LAYER_GROUPS_PER_PASS_WORD];
  wire to_buffer = y[ADDRESS_REGION_LOW +: 2] == IN_BUFFER, to_dram = y[ADDRESS_REGION_LOW +: 2] == IN_DRAM;
  wire is_dense = path == PATH_DENSE, is_depthwise = path == PATH_DEPTHWISE, is_pool = path == PATH_POOL;
  wire [15:0] out_height = ((height - 16'd1) >> stride_log2) + 16'd1;
  wire [15:0] out_width = ((width - 16'd1) >> stride_log2) + 16'd1;
  wire [4:0] lead = deform ? 5'(DMAX + 1) : 5'd2;

  // ---- the sequence
  logic [15:0] pass_first, pass_left;
  wire [15:0] pass_planes = 32'(pass_left) > groups_per_pass ? groups_per_pass[15:0] : pass_left;
  logic dense_busy, depthwise_busy, fetch_busy, reader_busy, store_busy, blocks_busy;
  wire opens = state == BLOCKS;
  wire loads = (state == BLOCKS && is_dense) || state == TABLES;
  wire runs = (state == BLOCKS && !is_depthwise) || state == PASS;
  wire still = !dense_busy && !depthwise_busy && !fetch_busy && !reader_busy && !store_busy && !blocks_busy;
  wire more_passes = is_depthwise && pass_left != pass_planes;
  assign busy = state != IDLE;
  always_ff @(posedge clk) begin  // in the cycle behind its last word a part of the program seeks the next
    seeks <= !stop && (to_record || last_field || (last_plane && !follows));
    seek_address <= state == PLANES ? first_block : state == RECORD ? first_plane : record_at;
    seek_limit <= to_record ? record_at + 32'(LAYER_WORDS) : program_words;
    end_plane <= planes - 1'b1;
    follows <= first_block == first_plane + 32'(planes);  // the blocks stand behind the addresses of planes
    if (rst) state <= IDLE;
    else if (fails) state <= DRAIN;
    else
      case (state)
        IDLE: if (start) state <= HEADER;
        HEADER: if (last_header) state <= RECORD;
        RECORD: if (last_field) state <= PLANES;
        PLANES: if (last_plane) state <= READY;
        READY: if (writer_idle && !clearing) state <= BLOCKS;
        BLOCKS: state <= is_depthwise ? TABLES : RUN;
        TABLES: state <= WAIT;
        WAIT: if (!blocks_busy) state <= PASS;
        PASS: state <= RUN;
        RUN: if (still) state <= more_passes ? TABLES : NEXT;
        NEXT: state <= left == 16'd1 ? DRAIN : RECORD;
        DRAIN: if (writer_idle && lines_idle) state <= IDLE;
        default: state <= IDLE;
      endcase
    if (rst || begins) error <= ERROR_NONE;
    else if (fails) error <= refused;
    else if (state == DRAIN && write_error && error == ERROR_NONE) error <= ERROR_BUS;
    if (begins) begin
      first_own <= first_layer; layer <= first_layer; left <= layers; number <= '0;
      record_at <= 32'(HEADER_WORDS) + 32'(LAYER_WORDS) * 32'(first_layer);
    end else begin
      if (last_header || last_field || last_plane) number <= '0;
      else if (take && reads) number <= number + 1;
      if (last_header) record_at <= record_at + 32'(LAYER_WORDS);
      if (state == NEXT) begin
        record_at <= record_at + 32'(LAYER_WORDS);
        left <= left - 16'd1;
        if (left != 16'd1) layer <= layer + 16'd1;
      end
    end
    if (opens) begin
      pass_first <= '0; pass_left <= planes;
    end else if (state == RUN && still && more_passes) begin
      pass_first <= pass_first + pass_planes; pass_left <= pass_left - pass_planes;
    end
  end

  // ---- blocks of weights, to the array while it runs, to the depthwise path before
  logic weight_valid, weight_ready, table_en;
  logic [WEIGHT_BITS*LANES*COLUMNS-1:0] weight_data;
  logic [(38+MULT_BITS)*COLUMNS-1:0] weight_scaling;
  logic [3:0] table_row;
  logic [15:0] table_group;
  logic [32*LANES-1:0] table_data;
  ek_blocks #(.LANES(LANES), .COLUMNS(COLUMNS), .WEIGHT_BITS(WEIGHT_BITS), .MULT_BITS(MULT_BITS)) loader (
    .clk, .rst(stop), .start(loads), .busy(blocks_busy), .dense(is_dense),
    .blocks(is_dense ? groups : 32'(pass_planes)), .rows(is_dense ? beats : 32'd9),
    .word_valid(word_valid && !reads), .word_ready(blocks_word), .word, .weight_valid, .weight_ready, .weight_data,
    .weight_scaling, .table_en, .table_row, .table_group, .table_data
  );

  // ---- what layers read
  localparam int RW = $clog2(READ_LINES);
  logic x_valid, x_ready, d_valid, d_ready, asked_valid, asked_ready, asked_d;
  logic [1:0] asked_region;
  logic [RW-1:0] asked_slot;
  logic [27:0] asked_address;
  logic [$clog2(BUFFER_BEATS > 1 ? BUFFER_BEATS : 2)-1:0] buffer_address;
  logic [8*LANES-1:0] buffer_data, x_data;
  logic [3:0] d_data;
  ek_fetch #(.PLANE_ROWS(PLANE_ROWS), .LINES(READ_LINES)) fetch (
    .clk, .rst(stop), .table_en(take && state == PLANES), .table_at(number[15:0]), .table_word(word),
    .start(runs), .busy(fetch_busy), .height, .width, .outers(is_dense ? groups : is_pool ? 32'(planes) : 32'd1),
    .rows(is_depthwise ? height + (deform ? 16'(lead) : 16'd0) : out_height),
    .columns(is_depthwise ? width : out_width), .kernel(is_depthwise ? 8'd1 : kernel),
    .stride_log2(is_depthwise ? 2'd0 : stride_log2), .planes(is_dense ? planes : is_pool ? 16'd1 : pass_planes),
    .first_plane(is_depthwise ? pass_first : 16'd0), .pool(is_pool), .deform(is_depthwise && deform), .lead,
    .d_address(d), .buffer_limit, .dram_limit, .image_limit, .outside(fetch_outside), .asked_valid, .asked_ready,
    .asked_d, .asked_region, .asked_slot, .asked_address
  );
  assign line_forget[1] = stop;
  ek_reader #(
    .LANES(LANES), .BUS_BYTES(BUS_BYTES), .LINE_BYTES(LINE_BYTES), .LINES(READ_LINES), .BUFFER_BEATS(BUFFER_BEATS)
  ) reader (
    .clk, .rst(stop), .clear(last_header || (state == NEXT && to_dram)), .clearing, .busy(reader_busy), .image_whole,
    .padding(is_pool ? -8'sd128 : x_zero), .dram_base, .image_base, .asked_valid, .asked_ready, .asked_d,
    .asked_region, .asked_slot, .asked_address, .line_ask(line_ask[1]), .line_given(line_given[1]),
    .line_address(line_address[63:32]), .line_beat(line_beat[1]), .line_data, .buffer_address, .buffer_data,
    .x_valid, .x_ready, .x_data, .d_valid, .d_ready, .d_data
  );
  always_ff @(posedge clk) stalled <= state == RUN && (x_ready ? fetch_busy && !x_valid : x_valid);

  // ---- the data paths
  logic dense_ready, depthwise_ready, pool_ready;
  logic dense_valid, dense_taken, depthwise_valid, pool_valid, beat_taken;
  logic [8*COLUMNS-1:0] dense_data;
  logic [8*LANES-1:0] depthwise_data, pool_data;
  assign x_ready = is_dense ? dense_ready : is_depthwise ? depthwise_ready : pool_ready;
  ek_dense #(
    .LANES(LANES), .COLUMNS(COLUMNS), .WEIGHT_BITS(WEIGHT_BITS), .WEIGHT_BEATS(WEIGHT_BEATS), .ACC_BITS(ACC_BITS),
    .MULT_BITS(MULT_BITS)
  ) dense (
    .clk, .rst(stop), .start(runs && is_dense), .busy(dense_busy), .beats(beats[19:0]), .pixels(plane_beats[19:0]),
    .groups(groups[19:0]), .y_zero, .y_min, .y_max, .weight_valid, .weight_ready, .weight_data, .weight_scaling,
    .in_valid(x_valid && is_dense), .in_ready(dense_ready), .in_data(x_data), .out_valid(dense_valid),
    .out_ready(dense_taken), .out_data(dense_data)
  );
  ek_depthwise #(
    .LANES(LANES), .WEIGHT_BITS(WEIGHT_BITS), .ROWS(ROWS), .LINE_BEATS(LINE_BEATS), .GROUPS(GROUPS),
    .ACC_BITS(ACC_BITS), .MULT_BITS(MULT_BITS)
  ) depthwise (
    .clk, .rst(stop), .start(runs && is_depthwise), .busy(depthwise_busy), .height(height[11:0]),
    .width(width[11:0]), .groups(pass_planes[11:0]), .lead, .deform, .stride_log2, .x_zero, .y_zero, .y_min, .y_max,
    .table_en, .table_row, .table_group(table_group[11:0]), .table_data, .in_valid(x_valid && is_depthwise),
    .in_ready(depthwise_ready), .in_data(x_data), .d_valid, .d_ready, .d_data, .out_valid(depthwise_valid),
    .out_ready(beat_taken), .out_data(depthwise_data)
  );
  ek_pool #(.LANES(LANES)) pool (
    .clk, .rst(stop), .start(runs), .beats(16'(kernel) * 16'(kernel)), .in_valid(x_valid && is_pool),
    .in_ready(pool_ready), .in_data(x_data), .out_valid(pool_valid), .out_ready(beat_taken && is_pool),
    .out_data(pool_data)
  );

  // ---- results
  logic write, write_ready, writer_ready;
  logic [15:0] write_part;
  logic [27:0] write_address;
  logic [LANES-1:0] write_lanes;
  logic [8*LANES-1:0] write_data;
  ek_store #(.LANES(LANES), .COLUMNS(COLUMNS)) store (
    .clk, .rst(stop), .open(opens), .start(runs), .busy(store_busy), .dense(is_dense),
    .first(y[ADDRESS_BEAT_LOW +: ADDRESS_BEAT_BITS]), .plane_beats(plane_beats[27:0]), .out_planes,
    .parts(is_depthwise ? pass_planes : 16'd1),
    .outers(is_dense ? groups : is_pool ? 32'(planes) : 32'd1), .limit(to_buffer ? buffer_limit : to_dram ? dram_limit : 28'd0),
    .dense_valid, .dense_ready(dense_taken), .dense_data, .beat_valid(is_pool ? pool_valid : depthwise_valid),
    .beat_ready(beat_taken), .beat_data(is_pool ? pool_data : depthwise_data), .write, .write_ready,
    .write_part, .write_address, .write_lanes,
    .write_data, .outside(store_outside)
  );

  assign write_ready = to_buffer || writer_ready;
  ek_writer #(.LANES(LANES), .BUS_BYTES(BUS_BYTES), .LINE_BYTES(LINE_BYTES), .LINES(WRITE_LINES)) writer (
    .clk, .rst, .drop(fails), .flush(state == NEXT), .idle(writer_idle), .error(write_error), .base(dram_base),
    .in_valid(write && !to_buffer), .in_ready(writer_ready), .in_slot(write_part[$clog2(WRITE_LINES)-1:0]),
    .in_address(write_address), .in_lanes(write_lanes), .in_data(write_data), .awvalid, .awready, .awaddr, .awlen,
    .wvalid, .wready, .wdata, .wstrb, .wlast, .bvalid, .bready, .bresp
  );

  // ---- the buffer: a port to write lanes, a port to read. Each power of two in its size is a memory of its own, what is
  // left below 2^11 one more: so few blocks of each must be chosen among
  localparam int REST = 10, MOST = 28;
  wire [8*LANES-1:0] given [REST:MOST];  // by each memory: of all but one zeros
  logic [8*LANES-1:0] any;
  generate
    for (i = REST; i <= MOST; i++) begin : g_memory
      localparam int BEATS = i == REST ? BUFFER_BEATS % 2048 : BUFFER_BEATS & (1 << i);
      localparam int FROM = BUFFER_BEATS >> (i + 1) << (i + 1);
      localparam int SHIFT = i == REST ? 11 : i;
      localparam int MW = BEATS > 1 ? $clog2(BEATS) : 1;
      if (BEATS != 0) begin : g_there
        (* ram_style = "block", syn_ramstyle = "block_ram" *) logic [8*LANES-1:0] memory [BEATS];
        logic [8*LANES-1:0] q;  // the memory's own register, and below one behind the choice
        logic own;
        wire write_own = write && to_buffer && write_address[BW-1:0] >> SHIFT == BW'(FROM >> SHIFT);
        always_ff @(posedge clk) begin
          for (int l = 0; l < LANES; l++)
            if (write_own && write_lanes[l]) memory[write_address[MW-1:0]][8*l +: 8] <= write_data[8*l +: 8];
          q <= memory[buffer_address[MW-1:0]];
          own <= buffer_address >> SHIFT == BW'(FROM >> SHIFT);
        end
        assign given[i] = own ? q : '0;
      end else begin : g_none
        assign given[i] = '0;
      end
    end
  endgenerate
  always_comb begin
    any = '0;
    for (int m = REST; m <= MOST; m++) any |= given[m];
  end
  always_ff @(posedge clk) buffer_data <= any;
endmodule
`default_nettype wire
