// SPDX-License-Identifier: MIT
#include "sim/sweep/database.h"

#include <sqlite3.h>

#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/sweep/point_columns.h"

namespace mmusim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr int kBusyMilliseconds = 10'000;

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

}  // namespace

/// A prepared statement.
class SweepDatabase::Statement {
 public:
  Statement(SweepDatabase& database, const std::string& sql) : database_(database) {
    const int code = sqlite3_prepare_v2(database.db_, sql.c_str(), static_cast<int>(sql.size()), &statement_, nullptr);
    if (code != SQLITE_OK) database.fail("cannot read");
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int at, const std::string& text) {
    check(sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
  }
  void bind(int at, uint64_t number) { check(sqlite3_bind_int64(statement_, at, static_cast<sqlite3_int64>(number))); }
  void bind(int at, const std::optional<double>& number) {
    if (!number) return check(sqlite3_bind_null(statement_, at));
    const bool whole = *number == std::floor(*number) && std::abs(*number) < 9e15;
    check(whole ? sqlite3_bind_int64(statement_, at, static_cast<sqlite3_int64>(*number))
                : sqlite3_bind_double(statement_, at, *number));
  }
  void bind(int at, const json& label) {
    if (label.is_number_integer()) {
      check(sqlite3_bind_int64(statement_, at, label.get<sqlite3_int64>()));
    } else if (label.is_number()) {
      check(sqlite3_bind_double(statement_, at, label.get<double>()));
    } else {
      bind(at, label.is_string() ? label.get<std::string>() : label.dump());
    }
  }
  /// True if there is a row.
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail("cannot write");
    return code == SQLITE_ROW;
  }
  void again() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  std::string text(int at) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, at));
    return text == nullptr ? "" : text;
  }
  uint64_t number(int at) const { return static_cast<uint64_t>(sqlite3_column_int64(statement_, at)); }
  std::optional<double> real(int at) const {
    if (sqlite3_column_type(statement_, at) == SQLITE_NULL) return std::nullopt;
    return sqlite3_column_double(statement_, at);
  }
  json label(int at) const {
    const int type = sqlite3_column_type(statement_, at);
    if (type == SQLITE_INTEGER) return static_cast<int64_t>(sqlite3_column_int64(statement_, at));
    if (type == SQLITE_FLOAT) return sqlite3_column_double(statement_, at);
    return text(at);
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) database_.fail("cannot write");
  }

  SweepDatabase& database_;
  sqlite3_stmt* statement_ = nullptr;
};

SweepDatabase::SweepDatabase(const std::string& path) : path_(path) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path.c_str(), &db_, flags, nullptr) != SQLITE_OK) {
    const std::string why = sqlite3_errmsg(db_);
    sqlite3_close(db_);
    throw EnvironmentError(fmt::format("{}: cannot open: {}", path, why));
  }
  sqlite3_busy_timeout(db_, kBusyMilliseconds);
  try {
    // Committed rows survive a kill; the database stays whole without power.
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=NORMAL");
    make_tables();
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

SweepDatabase::~SweepDatabase() {
  store_.reset();
  sqlite3_close(db_);
}

void SweepDatabase::fail(const std::string& what) const {
  if (sqlite3_errcode(db_) == SQLITE_NOTADB) {
    throw InputError(fmt::format("{}: is no database: give another --out", path_));
  }
  throw EnvironmentError(fmt::format("{}: {}: {}", path_, what, sqlite3_errmsg(db_)));
}

void SweepDatabase::run(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail("cannot write");
}

void SweepDatabase::make_tables() {
  run("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT)");
  run("INSERT OR IGNORE INTO meta VALUES ('format', 'mmusim-sweep'), ('version', '1')");
  run("CREATE TABLE IF NOT EXISTS points (id TEXT PRIMARY KEY, number INTEGER, seed INTEGER, status TEXT, message "
      "TEXT)");
}

void SweepDatabase::add_columns(const std::string& table, const std::vector<std::string>& names) {
  std::set<std::string> there;
  Statement columns(*this, "SELECT name FROM pragma_table_info(" + quoted(table) + ")");
  while (columns.step()) there.insert(columns.text(0));
  for (const std::string& name : names) {
    if (!there.contains(name)) run("ALTER TABLE " + quoted(table) + " ADD COLUMN " + quoted(name));
  }
}

void SweepDatabase::begin() {
  if (!in_transaction_) run("BEGIN IMMEDIATE");
  in_transaction_ = true;
}

void SweepDatabase::commit() {
  if (in_transaction_) run("COMMIT");
  in_transaction_ = false;
}

void SweepDatabase::plan(const SweepPlan& plan, bool retry) {
  begin();
  add_columns("points", plan.axes);
  std::vector<std::string> names = {"command"};
  for (const MetricColumn& column : metric_columns()) names.push_back(column.name);
  names.insert(names.end(), {"wall_seconds", "cpu_seconds", "summary"});
  add_columns("points", names);
  run("UPDATE points SET number = NULL");
  if (retry) run("UPDATE points SET status = 'pending', message = '' WHERE status = 'failed'");
  std::string columns = "id, number, seed, status, message, command";
  std::string values = "?, ?, ?, ?, ?, ?";
  std::string update = "number = excluded.number, seed = excluded.seed, command = excluded.command";
  for (const std::string& axis : plan.axes) {
    columns += ", " + quoted(axis);
    values += ", ?";
    update += ", " + quoted(axis) + " = excluded." + quoted(axis);
  }
  Statement insert(*this, fmt::format("INSERT INTO points ({}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET {}", columns,
                                      values, update));
  for (size_t i = 0; i < plan.points.size(); ++i) {
    const Combination& one = plan.combination(i);
    insert.bind(1, plan.points[i].id);
    insert.bind(2, uint64_t{i});
    insert.bind(3, plan.points[i].seed);
    insert.bind(4, std::string(one.error.empty() ? "pending" : "failed"));
    insert.bind(5, one.error);
    insert.bind(6, command_of(plan, i));
    for (size_t k = 0; k < one.labels.size(); ++k) insert.bind(static_cast<int>(7 + k), one.labels[k]);
    insert.step();
    insert.again();
  }
  run("DELETE FROM points WHERE number IS NULL AND status != 'done'");
  run("CREATE INDEX IF NOT EXISTS points_in_order ON points (number)");
  commit();
}

std::vector<size_t> SweepDatabase::pending(const SweepPlan& plan) {
  std::vector<size_t> points;
  Statement select(*this, "SELECT number FROM points WHERE status = 'pending' AND number IS NOT NULL ORDER BY number");
  while (select.step()) points.push_back(select.number(0));
  MMUSIM_INVARIANT(points.empty() || points.back() < plan.points.size(), "the database has the plan's points");
  return points;
}

void SweepDatabase::store(const PointResult& result) {
  if (!store_) {
    std::string sets = "status = ?, message = ?, wall_seconds = ?, cpu_seconds = ?, summary = ?";
    for (const MetricColumn& column : metric_columns()) sets += ", " + quoted(column.name) + " = ?";
    store_ = std::make_unique<Statement>(*this, "UPDATE points SET " + sets + " WHERE id = ? AND status != 'done'");
  }
  begin();
  std::vector<std::optional<double>> metrics(metric_columns().size());
  if (!result.failed()) metrics = metrics_of(ordered_json::parse(result.summary));
  int at = 0;
  store_->bind(++at, std::string(result.failed() ? "failed" : "done"));
  store_->bind(++at, result.message);
  store_->bind(++at, std::optional(result.wall_seconds));
  store_->bind(++at, std::optional(result.cpu_seconds));
  store_->bind(++at, result.summary);
  for (const auto& metric : metrics) store_->bind(++at, metric);
  store_->bind(++at, result.id);
  store_->step();
  store_->again();
}

std::map<std::string, std::string> SweepDatabase::statuses() {
  std::map<std::string, std::string> statuses;
  Statement select(*this, "SELECT id, status FROM points");
  while (select.step()) statuses.emplace(select.text(0), select.text(1));
  return statuses;
}

SweepCounts SweepDatabase::counts() {
  SweepCounts counts;
  Statement select(*this,
                   "SELECT status, count(*), sum(wall_seconds) FROM points WHERE number IS NOT NULL GROUP BY status");
  while (select.step()) {
    const std::string status = select.text(0);
    (status == "done" ? counts.done : status == "failed" ? counts.failed : counts.pending) = select.number(1);
    if (status == "done") counts.wall_seconds = select.real(2).value_or(0);
  }
  return counts;
}

std::vector<PointRow> SweepDatabase::rows(const std::vector<std::string>& axes) {
  std::string columns = "seed, id, status, message";
  for (const std::string& axis : axes) columns += ", " + quoted(axis);
  for (const MetricColumn& column : metric_columns()) columns += ", " + quoted(column.name);
  Statement select(*this, "SELECT " + columns + " FROM points WHERE number IS NOT NULL ORDER BY number");
  std::vector<PointRow> rows;
  while (select.step()) {
    PointRow row;
    row.seed = select.number(0);
    row.id = select.text(1);
    row.status = select.text(2);
    row.message = select.text(3);
    int at = 4;
    for (size_t i = 0; i < axes.size(); ++i) row.axes.push_back(select.label(at++));
    for (size_t i = 0; i < metric_columns().size(); ++i) row.metrics.push_back(select.real(at++));
    rows.push_back(std::move(row));
  }
  return rows;
}

void SweepDatabase::finish() {
  commit();
  store_.reset();
  // Not possible while another program looks at it: then the next sweep does it.
  sqlite3_exec(db_, "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr);
}

}  // namespace mmusim
