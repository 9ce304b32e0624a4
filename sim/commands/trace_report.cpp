// SPDX-License-Identifier: MIT
#include "sim/commands/trace_report.h"

#include <iterator>

#include <nlohmann/json.hpp>

#include "models/base/format.h"

namespace mmusim {

namespace {

using nlohmann::ordered_json;

std::string hex(uint64_t value) { return fmt::format("0x{:x}", value); }

uint64_t count(const TraceStatistics& s, AccessKind kind) { return s.accesses[static_cast<size_t>(kind)]; }
uint64_t count(const TraceStatistics& s, TraceEventKind kind) { return s.events[static_cast<size_t>(kind)]; }

/// The distances that reuse bucket number `bucket` holds.
std::pair<uint64_t, uint64_t> distances(unsigned bucket) {
  if (bucket == 0) return {0, 0};
  return {uint64_t{1} << (bucket - 1), (uint64_t{1} << bucket) - 1};
}

ordered_json access_json(const MemAccess& access) {
  return {{"access", name_of(access.kind)},
          {"va", hex(access.va.raw())},
          {"bytes", access.bytes},
          {"user", static_cast<bool>(access.user)}};
}

/// The keys of the `totals` in the meta files of VMT1 captures.
ordered_json totals_json(const TraceStatistics& s) {
  return {{"reads", count(s, AccessKind::kRead)},
          {"writes", count(s, AccessKind::kWrite)},
          {"user", s.user},
          {"distinct_pages", s.distinct_pages},
          {"bytes", s.bytes},
          {"map", count(s, TraceEventKind::kMap)},
          {"marker", count(s, TraceEventKind::kMarker)},
          {"crwrite", count(s, TraceEventKind::kCrWrite)},
          {"invlpg", count(s, TraceEventKind::kInvlpg)},
          {"invpcid", count(s, TraceEventKind::kInvpcid)}};
}

ordered_json reuse_json(const TraceStatistics& s) {
  ordered_json buckets = ordered_json::array();
  for (unsigned i = 0; i < TraceStatistics::kReuseBuckets; ++i) {
    if (s.reuse[i] == 0) continue;
    const auto [from, to] = distances(i);
    buckets.push_back({{"from", from}, {"to", to}, {"count", s.reuse[i]}});
  }
  return {{"page_bytes", kPageBytes}, {"first_uses", s.first_uses}, {"histogram", std::move(buckets)}};
}

/// "12.3 MiB"
std::string rounded_size(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  unsigned unit = 0;
  while (value >= 1024 && unit < 5) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, kUnits[unit]);
}

void reuse_text(std::string& out, const TraceStatistics& s) {
  const auto to = std::back_inserter(out);
  uint64_t uses = s.first_uses;
  for (const uint64_t n : s.reuse) uses += n;
  if (uses == 0) return;
  fmt::format_to(to, "  page reuse      other 4K pages used since the last use of a page\n");
  const auto row = [&](const std::string& label, uint64_t n) {
    const double part = static_cast<double>(n) / static_cast<double>(uses);
    constexpr double kBarColumns = 40;
    fmt::format_to(to, "    {:>21} {:>12} {:5.1f} % {:#<{}}\n", label, n, 100 * part, "",
                   static_cast<int>(part * kBarColumns + 0.5));
  };
  for (unsigned i = 0; i < TraceStatistics::kReuseBuckets; ++i) {
    if (s.reuse[i] == 0) continue;
    const auto [from, last] = distances(i);
    row(from == last ? fmt::format("{}", from) : fmt::format("{} - {}", from, last), s.reuse[i]);
  }
  row("first use", s.first_uses);
}

std::string access_text(const MemAccess& access) {
  return fmt::format("{} of {} bytes at {}{}", name_of(access.kind), access.bytes, access.va,
                     access.user ? " (user)" : "");
}

}  // namespace

std::string trace_info_json(const TraceInfo& info, const TraceStatistics& s) {
  ordered_json events = ordered_json::object();
  for (unsigned i = 0; i < kTraceEventKinds; ++i) events[name_of(static_cast<TraceEventKind>(i))] = s.events[i];
  ordered_json out = {
      {"file", info.file},
      {"format", name_of(info.format)},
      {"compression", info.compression},
      {"records", s.records},
      {"totals", totals_json(s)},
      {"fetches", count(s, AccessKind::kFetch)},
      {"fetch_bytes", s.fetch_bytes},
      {"read_modify_writes", s.rmw},
      {"dependent_accesses", s.dependent},
      {"instructions", s.instructions},
      {"page_crossing_accesses", s.page_crossing},
      {"events", std::move(events)},
      {"footprint", {{"pages_4k", s.footprint[0]}, {"pages_2m", s.footprint[1]}, {"pages_1g", s.footprint[2]}}},
      {"reuse_distance", reuse_json(s)},
      {"checksum", hex(s.checksum)}};
  if (s.first) {
    out["lowest_va"] = hex(s.lowest.raw());
    out["highest_va"] = hex(s.highest.raw());
    out["first"] = access_json(*s.first);
    out["last"] = access_json(*s.last);
  }
  ordered_json sizes = ordered_json::object();
  for (unsigned i = 0; i < s.size_log2.size(); ++i) {
    if (s.size_log2[i] != 0) sizes[std::to_string(uint64_t{1} << i)] = s.size_log2[i];
  }
  out["access_bytes"] = std::move(sizes);
  if (info.last_cycle) out["last_cycle"] = *info.last_cycle;
  const SkippedLines& skipped = info.skipped;
  if (skipped.own + skipped.no_address + skipped.foreign != 0) {
    out["skipped_lines"] = {{"own", skipped.own}, {"no_address", skipped.no_address}, {"foreign", skipped.foreign}};
  }
  if (info.streams.size() > 1) {
    ordered_json streams = ordered_json::object();
    for (const auto& [stream, records] : info.streams) streams[std::to_string(stream)] = records;
    out["streams"] = std::move(streams);
  }
  if (!info.notes.empty()) out["note"] = info.notes;
  if (!info.damage.empty()) out["damage"] = info.damage;
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string trace_info_text(const TraceInfo& info, const TraceStatistics& s) {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{}\n", info.file);
  fmt::format_to(to, "  form            {}{}\n", name_of(info.format),
                 info.compression == "none" ? "" : ", " + info.compression);
  fmt::format_to(to, "  records         {}\n", s.records);
  fmt::format_to(to, "  accesses        {} reads, {} writes, {} fetches; {} at user level\n",
                 count(s, AccessKind::kRead), count(s, AccessKind::kWrite), count(s, AccessKind::kFetch), s.user);
  fmt::format_to(to, "  instructions    {}\n", s.instructions);
  fmt::format_to(to, "  data            {} ({} bytes), {} accesses cross a page\n", rounded_size(s.bytes), s.bytes,
                 s.page_crossing);
  fmt::format_to(to, "  footprint       {} 4K pages ({}), {} 2M pages, {} 1G pages\n", s.footprint[0],
                 rounded_size(s.footprint[0] * kPageBytes), s.footprint[1], s.footprint[2]);
  std::string events;
  for (unsigned i = 0; i < kTraceEventKinds; ++i) {
    if (s.events[i] == 0) continue;
    events += fmt::format("{}{} {}", events.empty() ? "" : ", ", s.events[i], name_of(static_cast<TraceEventKind>(i)));
  }
  if (!events.empty()) fmt::format_to(to, "  events          {}\n", events);
  if (s.first) {
    fmt::format_to(to, "  addresses       {} - {}\n", s.lowest, s.highest);
    fmt::format_to(to, "  first           {}\n", access_text(*s.first));
    fmt::format_to(to, "  last            {}\n", access_text(*s.last));
  }
  if (info.last_cycle) fmt::format_to(to, "  last cycle      {}\n", *info.last_cycle);
  fmt::format_to(to, "  checksum        0x{:x}\n", s.checksum);
  reuse_text(out, s);
  const std::string skipped = info.skipped_text();
  if (!skipped.empty()) fmt::format_to(to, "  passed over: {}\n", skipped);
  if (!info.notes.empty()) fmt::format_to(to, "  note: {}\n", info.notes);
  if (!info.damage.empty()) fmt::format_to(to, "  damaged: {}\n", info.damage);
  return out;
}

}  // namespace mmusim
