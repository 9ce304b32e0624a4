// SPDX-License-Identifier: MIT
#include "sim/commands/recording_options.h"

namespace mmusim {

void add_recording_options(CommandLine command, RecordingOptions& options, const char* tables, const char* record,
                           const char* form_option) {
  command.add_option("--tables", options.tables, tables).type_name("FILE");
  command.add_option("--timeline", options.timeline, "Write a Chrome trace for Perfetto (JSON)").type_name("FILE");
  command.add_option("--vcd", options.vcd, "Write signals as a value change dump, for GTKWave").type_name("FILE");
  command
      .add_option("--vcd-signals", options.vcd_signals,
                  "Which: some of phase,walkers,misses,dram-queues,dram-banks,all")
      .capture_default_str();
  command.add_option("--timeline-begin", options.timeline_begin, "First cycle of timeline and signals")
      .type_name("CYCLE")
      .unsigned_number();
  command.add_option("--timeline-end", options.timeline_end, "Cycle after the last of timeline and signals")
      .type_name("CYCLE")
      .unsigned_number();
  command.add_option("--record", options.record, record).type_name("FILE");
  command.add_option(form_option, options.record_form,
                     "Form of that trace instead of the one its name tells: binary, jsonl, vmt1, lackey, champsim");
}

}  // namespace mmusim
