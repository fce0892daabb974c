# vitis_hls -f run_hls.tcl: C simulation, synthesis and co-simulation of the engine. The vendor's ap_int.h and
# hls_stream.h are found before the stand-ins of this folder.
open_project -reset engine
set_top engine
add_files engine.cpp
add_files -tb engine_tb.cpp
add_files -tb engine_host.cpp
add_files -tb data
open_solution -reset solution -flow_target vivado
set_part {@PART@}
create_clock -period @PERIOD@ -name default
csim_design -argv "data"
csynth_design
cosim_design -argv "data"
exit
