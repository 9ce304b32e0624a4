// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/plan.h"
#include "sim/sweep/point_result.h"

struct sqlite3;

namespace mmusim {

/// Progress of a sweep.
struct SweepCounts {
  uint64_t done = 0;
  uint64_t failed = 0;
  uint64_t pending = 0;
  double wall_seconds = 0;  ///< of the points that are done, added up
  uint64_t points() const { return done + failed + pending; }
};

/// A point as the results show it.
struct PointRow {
  std::vector<nlohmann::json> axes;
  uint64_t seed = 0;
  std::string id;
  std::string status;
  std::string message;
  std::vector<std::optional<double>> metrics;  ///< in the order of metric_columns()
};

/// The results of a sweep: one SQLite file.
///
/// Table `points`: id, number (in the present plan, from 0; NULL: of an earlier one), a column for each axis, seed, status
/// ("pending", "done", "failed"), message, command, a column for each of metric_columns(), wall_seconds, cpu_seconds,
/// summary (JSON). Table `meta`: key, value. All functions throw EnvironmentError with SQLite's text.
class SweepDatabase {
 public:
  /// Opens the file, made where it is missing. Throws InputError if it is none of ours.
  explicit SweepDatabase(const std::string& path);
  ~SweepDatabase();
  SweepDatabase(const SweepDatabase&) = delete;
  SweepDatabase& operator=(const SweepDatabase&) = delete;

  /// Makes the plan's points those of the sweep: finished ones stay finished, the others are pending, or failed where
  /// their configuration is wrong. `retry`: failed points are pending again.
  void plan(const SweepPlan& plan, bool retry);
  /// Returns the indices of the plan's pending points.
  std::vector<size_t> pending(const SweepPlan& plan);
  /// Stores a result, on the disk after commit(). A point that is done already, or unknown, is left alone.
  void store(const PointResult& result);
  void commit();
  SweepCounts counts();
  /// Returns the status of every point by its id, those of earlier plans included.
  std::map<std::string, std::string> statuses();
  /// Returns the points of the plan in their order. `axes`: their columns.
  std::vector<PointRow> rows(const std::vector<std::string>& axes);
  /// Leaves one file, without a journal. Call when nothing more is stored.
  void finish();

 private:
  class Statement;

  void run(const std::string& sql);
  [[noreturn]] void fail(const std::string& what) const;
  void make_tables();
  void add_columns(const std::string& table, const std::vector<std::string>& names);
  void begin();

  std::string path_;
  sqlite3* db_ = nullptr;
  std::unique_ptr<Statement> store_;
  bool in_transaction_ = false;
};

}  // namespace mmusim
