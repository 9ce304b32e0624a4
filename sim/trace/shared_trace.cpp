// SPDX-License-Identifier: MIT
#include "sim/trace/shared_trace.h"

#include <utility>

#include <boost/context/protected_fixedsize_stack.hpp>

#include "models/base/errors.h"

namespace mmusim {

namespace {

constexpr size_t kStackBytes = 1024 * 1024;  // touched pages only take memory

}  // namespace

/// The trace as one consumer sees it.
class SharedTrace::Reader final : public TraceReader {
 public:
  explicit Reader(SharedTrace& shared) : shared_(shared), info_(shared.opened_) {}

  bool next(TraceBatch& batch) override {
    if (!shared_.over_) shared_.wait();
    if (!shared_.over_) {
      batch = shared_.batch_;
      return true;
    }
    batch.clear();
    info_ = shared_.trace_->info();
    if (shared_.damage_) std::rethrow_exception(shared_.damage_);
    return false;
  }
  const TraceInfo& info() const override { return info_; }
  uint64_t bytes_read() const override { return shared_.trace_->bytes_read(); }
  uint64_t bytes_total() const override { return shared_.trace_->bytes_total(); }

 private:
  SharedTrace& shared_;
  TraceInfo info_;
};

SharedTrace::SharedTrace(std::unique_ptr<TraceReader> trace) : trace_(std::move(trace)) {
  const TraceInfo& info = trace_->info();  // the parsing thread may change the rest of it already
  opened_.file = info.file;
  opened_.format = info.format;
  opened_.compression = info.compression;
  opened_.header = info.header;
  opened_.notes = info.notes;
}

SharedTrace::~SharedTrace() = default;

void SharedTrace::start(const Consumer& consumer) {
  boost::context::fiber fiber(std::allocator_arg, boost::context::protected_fixedsize_stack(kStackBytes),
                              [this, &consumer](boost::context::fiber&& caller) {
                                caller_ = std::move(caller);
                                try {
                                  consumer(std::make_unique<Reader>(*this));
                                } catch (const std::exception&) {
                                  failure_ = std::current_exception();
                                }
                                return std::move(caller_);
                              });
  fiber = std::move(fiber).resume();
  if (fiber) waiting_.push_back(std::move(fiber));
}

void SharedTrace::wait() { caller_ = std::move(caller_).resume(); }

void SharedTrace::go_round() {
  for (boost::context::fiber& fiber : waiting_) fiber = std::move(fiber).resume();
  std::erase_if(waiting_, [](const boost::context::fiber& fiber) { return !fiber; });
}

void SharedTrace::run(const std::vector<Consumer>& consumers) {
  for (const Consumer& consumer : consumers) start(consumer);
  while (!waiting_.empty() && !over_) {
    try {
      over_ = !trace_->next(batch_);
    } catch (const InputError&) {
      damage_ = std::current_exception();
      over_ = true;
    }
    go_round();
  }
  trace_->end();
  MMUSIM_INVARIANT(waiting_.empty(), "a consumer of a trace waits after its end");
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace mmusim
