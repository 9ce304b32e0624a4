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

/// Who gets the tables of each stage, in order.
class TableSink {
 public:
  virtual ~TableSink() = default;
  virtual void stage(StageTables&& tables) = 0;
};

/// Writes `run --tables`: {"name","stages":[{"stage","levels","entries":[{"level","va","index","table_pa","value"}]}]},
/// the schema of recorded tables. Streams; the file appears with close().
class TablesFile final : public TableSink {
 public:
  TablesFile(const std::string& path, const std::string& name);
  void stage(StageTables&& tables) override;
  void close();

 private:
  AtomicFile file_;
  bool first_ = true;
};

/// Keeps them, to be compared.
class KeptTables final : public TableSink {
 public:
  void stage(StageTables&& tables) override { stages_.push_back(std::move(tables)); }
  const std::vector<StageTables>& stages() const { return stages_; }

 private:
  std::vector<StageTables> stages_;
};

}  // namespace mmusim
