// SPDX-License-Identifier: MIT
#include "sim/experiment/dram_driver.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

class Driver {
 public:
  Driver(DramSystem& dram, std::optional<unsigned> outstanding)
      : dram_(dram), outstanding_(outstanding), tck_ps_(dram.config().tck_ps) {}

  void offer(const TimedRequest& request) {
    DramCycle now = next_offer_;
    if (outstanding_) {
      while (under_way_ >= *outstanding_) now = std::max(now, wait_for_one());
    } else if (request.arrival_ps) {
      now = std::max(now, (*request.arrival_ps + tck_ps_ - 1) / tck_ps_);
    }
    uint64_t offered_ps = outstanding_ ? now * tck_ps_ : request.arrival_ps.value_or(0);
    const DramLocation where = dram_.locate(request.pa);
    while (!dram_.can_accept(where, request.write, now)) {
      now = dram_.frees_slot(where, request.write, now) ? now + 1 : std::max(now, step()) + 1;
    }
    if (!outstanding_ && !request.arrival_ps) offered_ps = now * tck_ps_;
    if (!request.write) {
      run_.read_latency_ps.push_back(-static_cast<int64_t>(offered_ps));
      ++under_way_;
    }
    send(request, now);
    next_offer_ = now + 1;
    ++run_.requests;
  }

  DramRun finish() {
    dram_.flush();
    while (dram_.next_event()) step();
    collect();
    run_.cycles = std::max(last_done_, dram_.last_data());
    return std::move(run_);
  }

 private:
  void send(const TimedRequest& request, DramCycle now) {
    const uint64_t id = run_.read_latency_ps.size() - 1;
    if (outstanding_ == 1u && !request.write) return done({id, dram_.read_alone(request.pa, now)});
    const auto at_once = dram_.enqueue({.id = id, .pa = request.pa, .write = request.write}, now);
    if (at_once && !request.write) done({id, *at_once});
  }

  /// Lets the controllers act once; returns in which cycle.
  DramCycle step() {
    const std::optional<DramCycle> at = dram_.next_event();
    MMUSIM_INVARIANT(at.has_value(), "requests are queued, so the controller has something to do");
    dram_.advance_to(*at, completions_);
    collect();
    return *at;
  }

  void collect() {
    for (const DramCompletion& completion : completions_) done(completion);
    completions_.clear();
  }

  void done(const DramCompletion& completion) {
    run_.read_latency_ps[completion.id] += static_cast<int64_t>(completion.done * tck_ps_);
    last_done_ = std::max(last_done_, completion.done);
    if (outstanding_) done_at_.push(completion.done);
  }

  /// The cycle in which the first of the requests under way is done.
  DramCycle wait_for_one() {
    for (;;) {
      const std::optional<DramCycle> event = dram_.next_event();
      // Decisions from `event` on are made later still.
      if (!done_at_.empty() && (!event || done_at_.top() <= *event)) break;
      step();
    }
    const DramCycle first = done_at_.top();
    done_at_.pop();
    --under_way_;
    return first;
  }

  DramSystem& dram_;
  const std::optional<unsigned> outstanding_;
  const uint64_t tck_ps_;
  DramRun run_;
  DramCycle next_offer_ = 0;
  DramCycle last_done_ = 0;
  unsigned under_way_ = 0;
  std::priority_queue<DramCycle, std::vector<DramCycle>, std::greater<>> done_at_;
  std::vector<DramCompletion> completions_;
};

}  // namespace

DramRun drive(DramSystem& dram, RequestReader& reader, std::optional<unsigned> outstanding,
              const std::function<bool()>& on_request) {
  Driver driver(dram, outstanding);
  uint64_t last_arrival = 0;
  bool more = true;
  while (const std::optional<TimedRequest> request = reader.next()) {
    more = !on_request || on_request();
    if (!more) break;
    if (request->pa.raw() >= dram.capacity_bytes())
      reader.fail(fmt::format("address {} is beyond the {} bytes of this DRAM", request->pa, dram.capacity_bytes()));
    const uint64_t arrival = request->arrival_ps.value_or(last_arrival);
    if (!outstanding && arrival < last_arrival)
      reader.fail("arrives before the request in the line above, expected arrival times in order");
    last_arrival = arrival;
    driver.offer(*request);
  }
  DramRun run = driver.finish();
  run.interrupted = !more;
  return run;
}

}  // namespace mmusim
