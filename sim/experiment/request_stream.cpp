// SPDX-License-Identifier: MIT
#include "sim/experiment/request_stream.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

/// A request waits until one so much later was heard of: far more than an access takes.
constexpr Cycles kMostAhead{1U << 20U};
constexpr size_t kTextBytes = 1U << 16U;

}  // namespace

RequestStream::RequestStream(std::unique_ptr<ByteSink> sink, RequestForm form, const RequestClocks& clocks)
    : sink_(std::move(sink)), form_(form), clocks_(clocks) {}

void RequestStream::begin(CycleTime at) {
  if (begun_) return;
  begun_ = true;
  begin_ = latest_ = written_ = at;
}

void RequestStream::requested(PhysAddr line, bool write, CycleTime at) {
  if (!begun_) return;
  ++(write ? writes_ : reads_);
  waiting_.push({at, reads_ + writes_, line, write});
  latest_ = std::max(latest_, at);
  while (waiting_.top().at + kMostAhead < latest_) write_first();
}

void RequestStream::write_first() {
  const Request& first = waiting_.top();
  MMUSIM_INVARIANT(first.at >= written_, "requesters run ahead by less than the horizon");
  written_ = first.at;
  const uint64_t ps = (first.at - begin_ + Cycles(clocks_.way_cycles)).count * clocks_.core_period_ps;
  const uint64_t time = form_ == RequestForm::kOwn ? ps : (ps + clocks_.tck_ps - 1) / clocks_.tck_ps;
  text_ += request_text(form_, {.pa = first.line.raw(), .write = first.write, .time = time});
  waiting_.pop();
  if (text_.size() < kTextBytes) return;
  sink_->write(text_);
  text_.clear();
}

void RequestStream::finish() {
  while (!waiting_.empty()) write_first();
  sink_->write(text_);
  sink_->finish();
}

}  // namespace mmusim
