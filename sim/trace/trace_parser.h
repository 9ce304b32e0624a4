// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "sim/trace/byte_stream.h"
#include "sim/trace/trace_reader.h"
#include "sim/trace/trace_types.h"

namespace mmusim {

/// Fills a TraceBatch, keeping the memory of the batch it is given.
class BatchBuilder {
 public:
  BatchBuilder(TraceBatch& batch, uint64_t first_record, const TraceOptions& options)
      : batch_(batch), room_(options.batch_accesses), want_pc_(options.want_pc) {
    batch.events.clear();
    batch.texts.clear();
    batch.accesses.resize(room_);
    batch.pcs.resize(want_pc_ ? room_ : 0);
    batch.first_record = first_record;
  }
  BatchBuilder(const BatchBuilder&) = delete;
  BatchBuilder& operator=(const BatchBuilder&) = delete;

  size_t size() const { return size_; }
  /// Room for at least `accesses` more (an instruction of ChampSim has up to seven).
  bool has_room(size_t accesses = 1) const { return size_ + accesses <= room_ && batch_.events.size() < room_; }
  void add(const MemAccess& access, uint64_t pc) { next(pc) = access; }
  /// One more, to be set member by member where it stays.
  MemAccess& append(uint64_t pc) { return next(pc) = MemAccess(); }
  /// Sets the pc of the access added last.
  void set_pc(uint64_t pc) {
    if (want_pc_) batch_.pcs[size_ - 1] = pc;
  }
  /// Takes back the access added last.
  void drop() { --size_; }
  TraceEvent& add_event(TraceEventKind kind) {
    TraceEvent& event = batch_.events.emplace_back();
    event.kind = kind;
    event.before = static_cast<uint32_t>(size_);
    return event;
  }
  void set_text(TraceEvent& event, std::string text) {
    batch_.texts.push_back(std::move(text));
    event.text = static_cast<uint32_t>(batch_.texts.size());
  }
  /// Takes back the event added last.
  void drop_event() { batch_.events.pop_back(); }
  /// Trims the batch; true if it holds anything.
  bool finish(uint64_t records_so_far) {
    batch_.accesses.resize(size_);
    if (want_pc_) batch_.pcs.resize(size_);
    batch_.records = records_so_far - batch_.first_record;
    return batch_.records != 0 || size_ != 0;  // the accesses of one record may fill several batches
  }

 private:
  MemAccess& next(uint64_t pc) {
    if (want_pc_) batch_.pcs[size_] = pc;
    return batch_.accesses[size_++];
  }

  TraceBatch& batch_;
  size_t size_ = 0;
  size_t room_;
  bool want_pc_;
};

/// One form of trace, parsed on whatever thread calls. Throws TraceDamage; records() and offset() then name the place.
class TraceParser {
 public:
  TraceParser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info)
      : bytes_(bytes), options_(options), info_(info) {}
  virtual ~TraceParser() = default;
  TraceParser(const TraceParser&) = delete;
  TraceParser& operator=(const TraceParser&) = delete;

  /// Adds records to the batch until it has no room; returns early only at the end of the trace (or by TraceDamage).
  virtual void fill(BatchBuilder& batch) = 0;

  /// Whole records parsed so far.
  uint64_t records() const { return records_; }
  /// Position in the decompressed stream where the record being parsed begins, as exactly as the form allows.
  virtual uint64_t offset() const { return bytes_.offset(); }

 protected:
  ByteReader& bytes_;
  const TraceOptions options_;
  TraceInfo& info_;
  uint64_t records_ = 0;
};

/// The form of the trace whose first bytes `bytes` shows; throws TraceDamage, with a name for what it may be instead,
/// if it is none that is read.
TraceFormat detect_trace_format(ByteReader& bytes, const TraceOptions& options);

std::unique_ptr<TraceParser> make_trace_parser(TraceFormat format, ByteReader& bytes, const TraceOptions& options,
                                               TraceInfo& info);

std::unique_ptr<TraceParser> make_vmt1_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info);
std::unique_ptr<TraceParser> make_binary_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info);
std::unique_ptr<TraceParser> make_json_lines_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info);
std::unique_ptr<TraceParser> make_event_log_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info);
std::unique_ptr<TraceParser> make_champsim_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info);
/// Of the text form that `format` is.
std::unique_ptr<TraceParser> make_line_parser(TraceFormat format, ByteReader& bytes, const TraceOptions& options,
                                              TraceInfo& info);

/// Opens bytes in memory as a trace and parses on the calling thread: for fuzz targets and tests.
std::unique_ptr<TraceReader> open_trace_bytes(std::vector<uint8_t> bytes, const std::string& name,
                                              const TraceOptions& options = {});

}  // namespace mmusim
