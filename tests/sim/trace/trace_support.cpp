// SPDX-License-Identifier: MIT
#include "tests/sim/trace/trace_support.h"

#include <fstream>
#include <iterator>
#include <random>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/trace/trace_parser.h"

namespace mmusim::trace_test {

std::string data_file(const std::string& name) { return std::string(MMUSIM_SOURCE_DIR) + "/tests/data/traces/" + name; }

std::string shipped_file(const std::string& name) { return std::string(MMUSIM_SOURCE_DIR) + "/traces/" + name; }

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<uint8_t> bytes_of_text(std::string_view text) { return {text.begin(), text.end()}; }

TraceBatch read_all(TraceReader& reader) {
  TraceBatch all;
  TraceBatch batch;
  while (reader.next(batch)) {
    for (TraceEvent event : batch.events) {
      event.before += static_cast<uint32_t>(all.accesses.size());
      if (event.text != 0) {
        all.texts.push_back(batch.texts[event.text - 1]);
        event.text = static_cast<uint32_t>(all.texts.size());
      }
      all.events.push_back(event);
    }
    all.accesses.insert(all.accesses.end(), batch.accesses.begin(), batch.accesses.end());
    all.pcs.insert(all.pcs.end(), batch.pcs.begin(), batch.pcs.end());
    all.records += batch.records;
  }
  return all;
}

TraceBatch read_text(std::string_view text, const TraceOptions& options) {
  return read_all(*open_trace_bytes(bytes_of_text(text), "test", options));
}

TraceBatch read_file(const std::string& path, const TraceOptions& options) {
  return read_all(*open_trace(path, options));
}

std::string written(const TraceBatch& batch, TraceFormat format, std::vector<std::string>* losses) {
  std::string text;
  TraceOrigin origin;
  origin.source = "test";
  const std::unique_ptr<TraceWriter> writer = make_trace_writer(format, std::make_unique<StringSink>(text), origin);
  writer->write(batch);
  writer->finish();
  if (losses != nullptr) *losses = writer->losses();
  return text;
}

TraceBatch random_batch(size_t n, uint64_t seed) {
  std::mt19937_64 draw(seed);
  TraceBatch batch;
  batch.texts = {"boot", "touch \"quoted\"\n"};
  for (size_t i = 0; i < n; ++i) {
    if (draw() % 8 == 0) {
      TraceEvent event;
      event.kind = static_cast<TraceEventKind>(draw() % kTraceEventKinds);
      event.before = static_cast<uint32_t>(i);
      event.user = draw() % 2 == 0;
      event.va = VirtAddr(draw());
      event.value = draw() >> draw() % 64;
      event.has_operand = draw() % 2 == 0;
      if (event.has_operand) event.operand = draw();
      if (event.kind == TraceEventKind::kMarker) event.text = static_cast<uint32_t>(draw() % 3);
      event.pc = draw() % 2 == 0 ? draw() : 0;
      batch.events.push_back(event);
    }
    MemAccess access;
    access.va = VirtAddr(draw() >> draw() % 40);
    access.bytes = static_cast<uint16_t>(1U << draw() % 7);
    if (draw() % 16 == 0) access.bytes = static_cast<uint16_t>(1 + draw() % 65535);
    access.kind = static_cast<AccessKind>(draw() % 3);
    access.user = draw() % 2 == 0;
    access.rmw = draw() % 8 == 0;
    access.stack = draw() % 8 == 0;
    access.implicit = draw() % 8 == 0;
    access.awaited = draw() % 8 == 0;
    access.depends_on = draw() % 4 == 0 ? static_cast<uint16_t>(draw()) : uint16_t{0};
    access.gap = draw() % 4 == 0 ? static_cast<uint16_t>(draw()) : uint16_t{0};
    access.continues = draw() % 8 == 0;
    for (uint64_t more = draw() % 5; access.depends_on != 0 && more > 0; --more) {
      access.also_depends_on[more - 1] = static_cast<uint16_t>(draw() | 1);
    }
    batch.accesses.push_back(access);
    batch.pcs.push_back(draw() % 2 == 0 ? draw() : 0);
  }
  batch.records = batch.accesses.size() + batch.events.size();
  return batch;
}

std::string described(const TraceBatch& batch) {
  std::string out;
  size_t next = 0;
  for (size_t i = 0; i <= batch.accesses.size(); ++i) {
    for (; next < batch.events.size() && batch.events[next].before <= i; ++next) {
      const TraceEvent& e = batch.events[next];
      out += fmt::format("{} va={} value={:#x} operand={} user={} pc={:#x} text={}\n", name_of(e.kind), e.va, e.value,
                         e.has_operand ? fmt::format("{:#x}", e.operand) : "-", e.user, e.pc,
                         e.text == 0 ? "" : batch.texts[e.text - 1]);
    }
    if (i == batch.accesses.size()) break;
    const MemAccess& a = batch.accesses[i];
    out += fmt::format("{} {},{} user={} rmw={} stack={} implicit={}{} depends_on={} gap={} pc={:#x}\n",
                       name_of(a.kind), a.va, a.bytes, bool{a.user}, bool{a.rmw}, bool{a.stack}, bool{a.implicit},
                       a.awaited ? " awaited" : "", a.depends_on, a.gap, batch.pcs.empty() ? 0 : batch.pcs[i]);
    if (a.continues) out += "  continues\n";
    for (const uint16_t distance : a.also_depends_on) {
      if (distance != 0) out += fmt::format("  also depends_on={}\n", distance);
    }
  }
  return out;
}

std::string error_of(std::string_view text, const TraceOptions& options) {
  try {
    read_text(text, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace mmusim::trace_test
