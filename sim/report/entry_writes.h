// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// One write of a page-table entry, as the event log tells it.
struct EntryWrite {
  static constexpr uint32_t kNone = UINT32_MAX;

  uint64_t cycle = 0;
  uint64_t record = 0;  ///< of the log; the header is record 0
  uint64_t va = 0;      ///< first address that the entry maps
  uint64_t entry_pa = 0;
  uint64_t old_value = 0;
  uint64_t value = 0;
  uint32_t phase = 0;             ///< index into EntryWrites::phases
  uint32_t function = 0;          ///< kernel function that wrote it: index into EntryWrites::functions
  uint32_t frame_source = kNone;  ///< function that allocated the frame the entry points to, if the log tells
  bool frame_zeroed = false;      ///< that frame was zeroed before
  uint8_t level = 0;              ///< 1 (PTE) to 5
};

/// All writes of page-table entries of a run, in their order.
struct EntryWrites {
  std::vector<std::string> functions;
  std::vector<std::string> phases;  ///< their stages
  std::vector<EntryWrite> writes;
};

/// Reads the event log of a run. Returns no writes where there is no such file, and those before the damage where the
/// log is cut. Throws InputError if the file is no event log.
EntryWrites read_entry_writes(const std::string& path);

/// Returns the writes below the top entries of `tree` (page_table_tree()) as steps to play: `{"functions", "phases",
/// "columns", "steps", "omitted"}`. Of a long row of entries of one table the first are steps of their own, the rest one
/// step with `count` above 1. After `max_steps` the writes are counted in `omitted`. Null if there is none.
nlohmann::ordered_json populate_story(const EntryWrites& writes, const nlohmann::ordered_json& tree,
                                      size_t max_steps = 3000);

}  // namespace mmusim
