// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mm/kernel.h"
#include "sim/host/atomic_file.h"

namespace mmusim {

/// The vmemmap page tables at the end of one stage.
struct StageTables {
  std::string stage;
  unsigned levels = 4;
  std::vector<mm::TableEntry> entries;
};

/// Writes `run --tables`: {"name","stages":[{"stage","levels","entries":[{"level","va","index","table_pa","value"}]}]},
/// the schema of recorded tables. Streams; the file appears with close().
class TablesFile {
 public:
  TablesFile(const std::string& path, const std::string& name);
  /// Writes the tables of one stage; stages come in order.
  void stage(const StageTables& tables);
  void close();

 private:
  AtomicFile file_;
  bool first_ = true;
};

}  // namespace mmusim
