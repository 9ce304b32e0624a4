// SPDX-License-Identifier: MIT
#include "sim/trace/trace_reader.h"

#include <exception>
#include <thread>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/threads.h"
#include "sim/trace/bounded_queue.h"
#include "sim/trace/byte_stream.h"
#include "sim/trace/fetch_filter.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

constexpr size_t kBatchesAhead = 4;

/// Bytes, parser and information of one open trace, used by one thread at a time.
class ParsedTrace {
 public:
  ParsedTrace(ByteInput input, const TraceOptions& options)
      : options_(options),
        consumed_(input.consumed),
        stop_(input.stop),
        file_bytes_(input.file_bytes),
        bytes_(std::move(input.source)) {
    info_.file = input.name;
    info_.compression = input.compression;
    try {
      info_.format = options.format ? *options.format : detect_trace_format(bytes_, options);
      parser_ = make_trace_parser(info_.format, bytes_, options, info_);
    } catch (const TraceDamage& damage) {
      throw InputError(fmt::format("{}: record 1, byte {}: {}", info_.file, bytes_.offset(), damage.what()));
    }
  }

  /// Fills a batch; false when the trace is over and the batch empty. Damage is kept until the batch before it is out.
  bool fill(TraceBatch& batch) {
    if (damage_ && !options_.salvage) std::rethrow_exception(damage_);
    BatchBuilder builder(batch, parser_->records(), options_);
    if (!damage_) {
      try {
        parser_->fill(builder);
      } catch (const TraceDamage& damage) {
        const std::string text = fmt::format("{}: record {}, byte {}: {}", info_.file, parser_->records() + 1,
                                             parser_->offset(), damage.what());
        damage_ = std::make_exception_ptr(InputError(text));
        if (options_.salvage) info_.damage = text;
      }
    }
    const bool any = builder.finish(parser_->records());
    if (!any && damage_ && !options_.salvage) std::rethrow_exception(damage_);
    if (!options_.keep_fetches) fetch_filter_.apply(batch);
    return any;
  }

  const TraceInfo& info() const { return info_; }
  uint64_t bytes_read() const { return consumed_->load(std::memory_order_relaxed); }
  uint64_t bytes_total() const { return file_bytes_; }
  /// Ends the stream of bytes from any thread; what fill() says after that means nothing.
  void stop() { stop_->store(true, std::memory_order_relaxed); }
  bool stop_requested() const { return options_.stop && options_.stop(); }

 private:
  const TraceOptions options_;
  std::shared_ptr<std::atomic<uint64_t>> consumed_;
  std::shared_ptr<std::atomic<bool>> stop_;
  uint64_t file_bytes_;
  ByteReader bytes_;
  TraceInfo info_;
  std::unique_ptr<TraceParser> parser_;
  FetchFilter fetch_filter_;
  std::exception_ptr damage_;
};

class DirectReader final : public TraceReader {
 public:
  DirectReader(ByteInput input, const TraceOptions& options) : trace_(std::move(input), options) {}
  bool next(TraceBatch& batch) override { return trace_.fill(batch); }
  const TraceInfo& info() const override { return trace_.info(); }
  uint64_t bytes_read() const override { return trace_.bytes_read(); }
  uint64_t bytes_total() const override { return trace_.bytes_total(); }

 private:
  ParsedTrace trace_;
};

/// Parses on a thread of its own. Batches travel to the consumer and, used, back.
class ThreadedReader final : public TraceReader {
 public:
  ThreadedReader(ByteInput input, const TraceOptions& options)
      : trace_(std::move(input), options), thread_(start_thread([this] { run(); })) {}
  ~ThreadedReader() override { end(); }
  ThreadedReader(const ThreadedReader&) = delete;
  ThreadedReader& operator=(const ThreadedReader&) = delete;

  bool next(TraceBatch& batch) override {
    std::optional<TraceBatch> filled;
    if (!stopped_) filled = full_.pop_until([this] { return stopped_ = trace_.stop_requested(); });
    if (!filled) {
      batch.clear();
      // The parsing thread may have been told to stop first: what it says of the cut stream then means nothing.
      stopped_ = stopped_ || trace_.stop_requested();
      if (!stopped_ && error_) std::rethrow_exception(error_);
      return false;
    }
    std::swap(batch, *filled);
    used_.push(std::move(*filled));
    return true;
  }
  void end() override {
    stopped_ = true;
    trace_.stop();
    full_.close();
    if (thread_.joinable()) thread_.join();
  }
  /// The parsing thread may still change what it learns; callers read that after next() returned false or after end().
  const TraceInfo& info() const override { return trace_.info(); }
  uint64_t bytes_read() const override { return trace_.bytes_read(); }
  uint64_t bytes_total() const override { return trace_.bytes_total(); }

 private:
  void run() {
    try {
      for (;;) {
        TraceBatch batch = used_.try_pop().value_or(TraceBatch());
        if (!trace_.fill(batch) || !full_.push(std::move(batch))) break;
      }
    } catch (const std::exception&) {
      error_ = std::current_exception();  // next() sees it after close(), which orders the two threads
    }
    full_.close();
  }

  ParsedTrace trace_;
  BoundedQueue<TraceBatch> full_{kBatchesAhead};
  BoundedQueue<TraceBatch> used_{2 * kBatchesAhead + 2};  // never full: only so many batches exist
  std::exception_ptr error_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace

std::string TraceInfo::skipped_text() const {
  std::string text;
  if (skipped.no_address != 0) text = fmt::format("{} records without a data address", skipped.no_address);
  if (skipped.foreign != 0) {
    text += fmt::format("{}{} lines that are none of this form", text.empty() ? "" : ", ", skipped.foreign);
  }
  return text;
}

std::unique_ptr<TraceReader> open_trace(const std::string& path, const TraceOptions& options) {
  return std::make_unique<ThreadedReader>(open_bytes(path, EmptyInput::kError, options.stop), options);
}

std::unique_ptr<TraceReader> open_trace_bytes(std::vector<uint8_t> bytes, const std::string& name,
                                              const TraceOptions& options) {
  return std::make_unique<DirectReader>(open_bytes(std::move(bytes), name), options);
}

}  // namespace mmusim
