// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// The page tables of the last stage of a `--tables` file, as a tree for the report:
/// `[{"level","va","index","value","children":[...]}]`. Neighbouring leaves of equal flags that map consecutive frames
/// (or all the same frame) are one node with `"count"` and `"same_frame"`. After `max_nodes` the rest of each table is
/// counted in `"omitted"` of its parent. An empty array if there is no such file, or it is larger than `max_bytes`.
/// Throws InputError if the file is no tables file.
nlohmann::ordered_json page_table_tree(const std::string& path, size_t max_nodes = 6000,
                                       size_t max_bytes = size_t{256} << 20);

}  // namespace mmusim
