// SPDX-License-Identifier: MIT
#include "sim/commands/replay_options.h"

#include "sim/commands/commands.h"
#include "sim/commands/image_options.h"

namespace mmusim {

namespace {

void add_map_options(CommandLine command, ReplayOptions& o) {
  command
      .add_option("--map", o.map,
                  "Use the page tables that this scenario's kernel builds (its workloads do not run), or those of a "
                  "page-table image or crash dump")
      .type_name("SCENARIO|IMAGE");
  add_cr3_option(command, o.cr3);
  command.add_option("--variant", o.map_overrides.variant, "Apply one of the variants of --map's scenario");
  add_set_option(command, o.map_overrides.sets);
}

/// Page tables on first touch; any of these says that they are wanted.
void add_address_space_options(CommandLine command, ReplayOptions& o) {
  const auto given = [&o, map = command.option("--map")](CommandOption option) {
    option.excludes(map).each([&o](const std::string&) { o.spaces_given = true; });
  };
  given(command
            .add_option("--pages", o.pages,
                        "Pages of a trace that has virtual addresses only: 4K, 2M, 1G, thp or thp:PROBABILITY")
            .capture_default_str());
  given(
      command
          .add_option("--page-map", o.page_map,
                      "Page sizes of ranges of addresses, as /proc/PID/smaps tells them, or lines START-END 4K|2M|1G; "
                      "--pages decides elsewhere")
          .type_name("FILE"));
  given(command.add_option("--levels", o.levels, "Levels of the page tables").one_of({"4", "5"}).capture_default_str());
  given(command
            .add_option("--frames", o.frames,
                        "Order of physical frames: sequential, random, fragmented or fragmented:INDEX")
            .capture_default_str());
  command.add_option("--seed", o.seed, "Seed of everything random; if missing, a recorded replay's own, else 1")
      .type_name("N")
      .unsigned_number();
  command.add_choice(
      "--flushes", o.flushes, {{"auto", FlushPolicy::kAuto}, {"all", FlushPolicy::kAll}, {"none", FlushPolicy::kNone}},
      "Recorded TLB invalidations and control-register writes: all or none are carried out; auto: all where "
      "the tables are a kernel's, else those after the first record that tells of address spaces (a "
      "translation, a process, a root table)");
  command.add_flag("--no-pcids", o.no_pcids, "A change of process flushes the TLBs");
}

}  // namespace

void add_machine_options(CommandLine command, ReplayOptions& o) {
  command
      .add_option("--platform", o.platform,
                  "Name of a shipped platform (see presets), or a file; if missing, that of --map's scenario or of the "
                  "run that the trace was recorded from, else milan")
      .type_name("NAME|FILE");
  add_core_option(command, o.core);
  add_map_options(command, o);
  add_address_space_options(command, o);
}

void add_length_options(CommandLine command, TraceWindowText& window) {
  command
      .add_option("--skip", window.skip,
                  "Leave out so much at first: accesses (5000, 100M) or instructions (5000i, 100Mi)")
      .type_name("LENGTH");
  command.add_option("--warmup", window.warmup, "The next so much runs but is not counted").type_name("LENGTH");
  command.add_option("--limit", window.limit, "Stop after so much that is counted").type_name("LENGTH");
}

void add_part_options(CommandLine command, TraceWindowText& window) {
  command.add_option("--sample", window.sample, "Take the first N of each M accesses").type_name("N:M");
  command.add_option("--roi", window.roi, "Only the phase that a marker of this number or name opens")
      .type_name("NAME");
}

}  // namespace mmusim
