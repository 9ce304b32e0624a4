// SPDX-License-Identifier: MIT
#include "tests/differential/event_log_check.h"

#include <zstd.h>

#include <map>
#include <string_view>

#include "models/base/format.h"

namespace mmusim::differential {

using nlohmann::ordered_json;

namespace {

std::string decompressed(const std::string& compressed) {
  std::string text;
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::string block(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  while (in.pos < in.size) {
    ZSTD_outBuffer out{block.data(), block.size(), 0};
    if (ZSTD_isError(ZSTD_decompressStream(context, &out, &in)) != 0) break;
    text.append(block, 0, out.pos);
  }
  ZSTD_freeDCtx(context);
  return text;
}

/// Sums over the records of a log.
struct Sums {
  std::map<std::string, uint64_t> records;
  uint64_t data_accesses = 0;
  uint64_t walks = 0, walk_cycles = 0, entry_reads = 0;
  std::map<std::string, uint64_t> stages;
};

std::string add_access(const ordered_json& record, Sums& sums) {
  uint64_t all = 0;
  for (const auto& [stage, cycles] : record["stages"].items()) {
    all += cycles.get<uint64_t>();
    sums.stages[stage] += cycles.get<uint64_t>();
  }
  const uint64_t took = record["end_cycle"].get<uint64_t>() - record["begin_cycle"].get<uint64_t>();
  if (record["access"] != "fetch") ++sums.data_accesses;
  if (all == took) return "";
  return fmt::format("stages of an access add up to {} cycles, it took {}: {}", all, took, record.dump());
}

std::string add_walk(const ordered_json& record, Sums& sums) {
  uint64_t parts = record["queue_cycles"].get<uint64_t>() + record["structure_cache_cycles"].get<uint64_t>() +
                   record["update_cycles"].get<uint64_t>();
  for (const ordered_json& entry : record["entries"]) {
    parts += entry["cycles"].get<uint64_t>();
    ++sums.entry_reads;
  }
  const uint64_t took = record["end_cycle"].get<uint64_t>() - record["begin_cycle"].get<uint64_t>();
  ++sums.walks;
  sums.walk_cycles += took;
  if (parts == took) return "";
  return fmt::format("parts of a walk add up to {} cycles, it took {}: {}", parts, took, record.dump());
}

std::string add_record(const ordered_json& record, Sums& sums) {
  const std::string kind = record["event"].get<std::string>();
  if (kind == "header" || kind == "totals") return "";
  ++sums.records[kind];
  if (kind == "access") return add_access(record, sums);
  if (kind == "walk") return add_walk(record, sums);
  return "";
}

std::string check_totals(const ordered_json& last, const ordered_json& summary, const Sums& sums, bool measured_all) {
  if (last["event"] != "totals") return "the log has no totals";
  for (const auto& [kind, count] : last["records"].items()) {
    const auto found = sums.records.find(kind);
    const uint64_t seen = found == sums.records.end() ? 0 : found->second;
    if (count != seen) return fmt::format("{} records of kind {}, the totals say {}", seen, kind, count.dump());
  }
  for (const auto& [key, value] : last["totals"].items()) {
    if (summary["totals"][key] != value) {
      return fmt::format("total {}: {} in the log, {} in the summary", key, value.dump(),
                         summary["totals"][key].dump());
    }
  }
  if (!measured_all) return "";
  const auto differs = [](const char* what, uint64_t records, const ordered_json& total) {
    return total == records ? "" : fmt::format("{}: {} by records, {} in the summary", what, records, total.dump());
  };
  std::string wrong = differs("accesses", sums.data_accesses, summary["totals"]["accesses"]);
  if (wrong.empty()) wrong = differs("walks", sums.walks, summary["totals"]["walks"]);
  if (wrong.empty()) wrong = differs("walk cycles", sums.walk_cycles, summary["machine"]["walk_cycles"]);
  for (const auto& [stage, cycles] : sums.stages) {
    if (wrong.empty()) wrong = differs(stage.c_str(), cycles, summary["machine"]["stage_cycles"][stage]);
  }
  return wrong;
}

}  // namespace

std::string check_event_log(const std::string& compressed, const ordered_json& summary, bool measured_all) {
  const std::string text = decompressed(compressed);
  Sums sums;
  std::string_view rest = text;
  ordered_json last;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return "the log ends in the middle of a line";
    last = ordered_json::parse(rest.substr(0, end));
    if (std::string wrong = add_record(last, sums); !wrong.empty()) return wrong;
    rest.remove_prefix(end + 1);
  }
  if (last.is_null()) return "the log is empty";
  return check_totals(last, summary, sums, measured_all);
}

}  // namespace mmusim::differential
