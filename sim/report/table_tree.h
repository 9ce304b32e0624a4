// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "sim/report/entry_writes.h"

namespace mmusim {

/// The page tables of the last stage of a `--tables` file, as a tree for the report:
/// `[{"level","va","index","value","children":[...]}]`. Neighbouring leaves of equal flags that map consecutive frames
/// (or all the same frame), written by the same function, are one node with `"count"` and `"same_frame"`. Where `writes`
/// tells it, a node says by which function (`"by"`), in which cycles (`"cycle"`, `"last_cycle"`) and with which record of
/// the event log (`"record"`) it was written last. After `max_nodes` the rest of each table is counted in `"omitted"` of
/// its parent. An empty array if there is no such file, or it is larger than `max_bytes`. Throws InputError if the file is
/// no tables file.
nlohmann::ordered_json page_table_tree(const std::string& path, const EntryWrites& writes = {}, size_t max_nodes = 6000,
                                       size_t max_bytes = size_t{256} << 20);

}  // namespace mmusim
