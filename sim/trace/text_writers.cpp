// SPDX-License-Identifier: MIT
#include <iterator>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/trace/checksum.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {

namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

/// Common to the text forms: a buffer that goes to the sink when it is large.
class LineWriter : public TraceWriter {
 public:
  using TraceWriter::TraceWriter;

 protected:
  std::back_insert_iterator<fmt::memory_buffer> out() { return std::back_inserter(buffer_); }
  void end_line() {
    buffer_.push_back('\n');
    if (buffer_.size() >= kBufferBytes) flush();
  }
  void flush() {
    sink_->write({buffer_.data(), buffer_.size()});
    buffer_.clear();
  }

 private:
  fmt::memory_buffer buffer_;
};

class JsonLinesWriter final : public LineWriter {
 public:
  JsonLinesWriter(std::unique_ptr<ByteSink> sink, const std::string& header) : LineWriter(std::move(sink)) {
    fmt::format_to(out(), "{}", header);
    end_line();
  }

  void write(const TraceBatch& batch) override {
    in_order(
        batch, [this](const MemAccess& access, uint64_t pc) { put_access(access, pc); },
        [&](const TraceEvent& event) {
          put_event(event, event.text == 0 ? std::string() : batch.texts[event.text - 1]);
        });
  }
  void finish() override {
    fmt::format_to(out(), R"({{"end":{},"checksum":"0x{:x}"}})", records_, checksum_.value());
    end_line();
    flush();
    sink_->finish();
  }

 private:
  void put_access(const MemAccess& access, uint64_t pc) {
    checksum_.access(access);
    if (pc != 0) checksum_.word(pc);
    fmt::format_to(out(), R"({{"access":"{}","va":"0x{:x}","bytes":{})", name_of(access.kind), access.va.raw(),
                   access.bytes);
    flag(access.user, "user");
    flag(access.rmw, "rmw");
    flag(access.stack, "stack");
    flag(access.implicit, "implicit");
    flag(access.awaited, "awaited");
    flag(access.continues, "continues");
    put_producers(access);
    if (access.gap != 0) fmt::format_to(out(), R"(,"gap":{})", access.gap);
    hex(pc != 0, "pc", pc);
    end_record();
  }
  /// A number, or a list where the address needs several results.
  void put_producers(const MemAccess& access) {
    if (access.depends_on == 0) return;
    const bool list = access.also_depends_on[0] != 0;
    fmt::format_to(out(), R"(,"depends_on":{}{})", list ? "[" : "", access.depends_on);
    for (const uint16_t distance : access.also_depends_on) {
      if (distance != 0) fmt::format_to(out(), ",{}", distance);
    }
    if (list) fmt::format_to(out(), "]");
  }
  void put_event(const TraceEvent& event, const std::string& name) {
    checksum_.event(event);
    fmt::format_to(out(), R"({{"event":"{}")", name_of(event.kind));
    hex(event.va != VirtAddr(), "va", event.va.raw());
    hex(event.value != 0, "value", event.value);
    hex(event.has_operand, "operand", event.operand);
    flag(event.user, "user");
    hex(event.pc != 0, "pc", event.pc);
    if (!name.empty()) {
      const nlohmann::json quoted = name;
      fmt::format_to(out(), R"(,"name":{})", quoted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    end_record();
  }
  void flag(bool set, const char* key) {
    if (set) fmt::format_to(out(), R"(,"{}":true)", key);
  }
  void hex(bool given, const char* key, uint64_t value) {
    if (given) fmt::format_to(out(), R"(,"{}":"0x{:x}")", key, value);
  }
  void end_record() {
    fmt::format_to(out(), "}}");
    end_line();
    ++records_;
  }

  TraceChecksum checksum_;
  uint64_t records_ = 0;
};

class LackeyWriter final : public LineWriter {
 public:
  using LineWriter::LineWriter;

  void write(const TraceBatch& batch) override {
    in_order(
        batch, [this](const MemAccess& access, uint64_t pc) { put_access(access, pc); },
        [this](const TraceEvent&) { lose(Loss::kEvent); });
  }
  void finish() override {
    flush();
    sink_->finish();
  }

 private:
  void put_access(const MemAccess& access, uint64_t pc) {
    if (!access.user) lose(Loss::kUser);
    if (access.stack || access.implicit || access.awaited || (access.rmw && access.kind != AccessKind::kWrite))
      lose(Loss::kFlags);
    if (access.depends_on != 0) lose(Loss::kDependence);
    if (access.gap != 0) lose(Loss::kGap);
    const bool fetch = access.kind == AccessKind::kFetch;
    if (fetch) pc_ = access.va.raw();
    if (pc != 0 && pc != pc_) lose(Loss::kPc);
    const char* what = fetch ? "I " : access.kind == AccessKind::kRead ? " L" : access.rmw ? " M" : " S";
    fmt::format_to(out(), "{} {:08x},{}", what, access.va.raw(), access.bytes);
    end_line();
  }

  uint64_t pc_ = 0;  // of the last instruction written
};

}  // namespace

std::unique_ptr<TraceWriter> make_json_lines_writer(std::unique_ptr<ByteSink> sink, const std::string& header) {
  return std::make_unique<JsonLinesWriter>(std::move(sink), header);
}

std::unique_ptr<TraceWriter> make_lackey_writer(std::unique_ptr<ByteSink> sink) {
  return std::make_unique<LackeyWriter>(std::move(sink));
}

}  // namespace mmusim
