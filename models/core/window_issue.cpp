// SPDX-License-Identifier: MIT
// Starts and ends of the window core's accesses, and its front end.
#include <algorithm>

#include "models/core/window_core_work.h"

namespace mmusim {

/// Starts an access that is ready, in the cycle that the core has reached.
void WindowCore::start(InFlight& flight) {
  if (busy_ != 0 || company_) clock_.sync();  // what slots and others have done up to now counts
  fast_path_.settle(clock_.now());
  if (waits_for_port(flight)) return;
  if (flight.forward != StoreQueue::kNone && forward(flight)) return;
  if (const FastPath::Hit found = fast_path_.find_hit(flight.access)) {
    if (!waits_for_cache_port(flight)) hit(flight, found);
  } else {
    start_miss(flight);
  }
}

/// Reserves a load or store port for an access; true if it starts in a later cycle because of that.
bool WindowCore::waits_for_port(InFlight& flight) {
  if (flight.has_port) return false;
  flight.has_port = true;
  PortSchedule& ports = kind_of(flight.access) == AccessKind::kWrite ? store_ports_ : load_ports_;
  return starts_later(flight, ports.reserve(clock_.now()));
}

/// Reserves a port of the first-level cache for a hit; true if it starts in a later cycle because of that. Misses take
/// theirs in Cache::read_line().
bool WindowCore::waits_for_cache_port(InFlight& flight) {
  if (flight.has_cache_port) return false;
  flight.has_cache_port = true;
  return starts_later(flight, fast_path_.reserve_port(flight.access.kind, clock_.now()));
}

bool WindowCore::starts_later(const InFlight& flight, CycleTime at) {
  if (at == clock_.now()) return false;
  ready_.push({at, flight.number});
  return true;
}

/// Performs a load that reads what a store writes whose line is not there yet; false if it is there by now, or if the
/// TLB no longer has the page.
bool WindowCore::forward(InFlight& flight) {
  const StoreQueue::Store& store = store_queue_[flight.forward];
  if (store.number != flight.forward_number || store.written) return false;
  const RecentPages::Page* page = fast_path_.find_translation(flight.access);
  if (page == nullptr) return false;
  if (waits_for_cache_port(flight)) return true;
  ++stats_.forwarded_loads;
  flight.result = {fast_path_.perform_forwarded(flight.access, *page), std::nullopt};
  end_hit(flight, clock_.now());
  return true;
}

void WindowCore::hit(InFlight& flight, const FastPath::Hit& found) {
  flight.result = {fast_path_.perform(flight.access, found), std::nullopt};
  end_hit(flight, clock_.now());
}

/// Ends an access that the fast path has performed, started in cycle `at`.
void WindowCore::end_hit(InFlight& flight, CycleTime at) {
  report_hit(flight.access, flight.number, flight.dispatched, at, flight.result.pa);
  const AccessKind kind = kind_of(flight.access);
  const CycleTime end = at + fast_path_.hit_cycles(kind);
  const bool retires_translated = kind == AccessKind::kWrite && !flight.access.rmw;
  if (!flight.known) complete(flight, retires_translated ? at : end);
  if (flight.store != StoreQueue::kNone) written(flight.store, at);
  --unfinished_;
}

void WindowCore::report_hit(const MemAccess& access, uint64_t number, CycleTime dispatched, CycleTime at, PhysAddr pa) {
  fast_path_.count_stall(at - dispatched);
  if (fast_path_.reports_hits()) fast_path_.report_hit(access, number, dispatched, at, pa);
}

/// Starts an access that is no hit: it waits for a line that is on its way, or for a slot, or takes one.
void WindowCore::start_miss(InFlight& flight) {
  const Miss miss{flight.number, flight.store};
  if (flight.store != StoreQueue::kNone && !flight.access.rmw) {
    if (const RecentPages::Page* page = fast_path_.find_translation(flight.access); page != nullptr) {
      flight.result = {FastPath::address_of(flight.access, *page), std::nullopt};
      complete(flight, clock_.now());
    }
  }
  if (joins_line(miss)) return;
  if (busy_ == slots_.size()) return want_slot(miss);
  Slot& slot = **std::find_if(slots_.begin(), slots_.end(), [](const auto& s) { return !s->busy; });
  count_misses(clock_.now());
  slot.busy = true;
  ++busy_;
  occupy(slot, miss, clock_.now());
  clock_.notify(slot.go);
}

const MemAccess& WindowCore::access_of(const Miss& miss) {
  return miss.store != StoreQueue::kNone ? store_queue_[miss.store].access : in_flight(miss.number).access;
}

/// Puts an access among those that wait for a slot, which are in the order of the program.
void WindowCore::want_slot(const Miss& miss) {
  auto place = wanting_.end();
  while (place != wanting_.begin() && std::prev(place)->number > miss.number) --place;
  wanting_.insert(place, miss);
}

/// Returns the line that an access lies in; kNoLine if it is in two.
VirtAddr WindowCore::line_of(const MemAccess& access) {
  const VirtAddr line = access.va.align_down(kLineBytes);
  return line == (access.va + (access.bytes - 1U)).align_down(kLineBytes) ? line : kNoLine;
}

/// Lets an access wait for the line that a slot fetches; false if there is none. A plain store must be translated,
/// because the slot's translation is not its own.
bool WindowCore::joins_line(const Miss& miss) {
  const MemAccess& access = access_of(miss);
  if (miss.store != StoreQueue::kNone && !access.rmw && !store_queue_[miss.store].translated) return false;
  const VirtAddr line = line_of(access);
  if (line == kNoLine) return false;
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i] != line || slots_[i]->access.user != access.user) continue;
    slots_[i]->for_line.push_back(miss);
    ++unready_;
    ++stats_.joined_lines;
    return true;
  }
  return false;
}

void WindowCore::occupy(Slot& slot, const Miss& miss, CycleTime at) {
  const bool store = miss.store != StoreQueue::kNone;
  slot.miss = miss;
  slot.access = access_of(miss);
  slot.dispatched = store ? store_queue_[miss.store].dispatched : in_flight(miss.number).dispatched;
  slot.started = at;
  lines_[slot.number] = line_of(slot.access);
  ++slow_;
}

/// Counts the misses under way from the last count on; before their number changes.
void WindowCore::count_misses(CycleTime until) {
  if (busy_ != 0) {
    const Cycles passed = until - counted_until_;
    stats_.miss_cycles += passed * busy_;
    stats_.miss_active_cycles += passed;
  }
  counted_until_ = until;
}

void WindowCore::run_slot(Slot& slot) {
  while (fibers_.rest(slot.clock, slot.go)) {
    slot.clock.advance_to(slot.started);
    try {
      do {
        perform(slot);
        finish(slot);
      } while (takes_next(slot));
    } catch (const FiberEnds&) {
      throw;
    } catch (...) {
      failure_ = std::current_exception();  // the core's own thread throws it on
    }
    count_misses(slot.clock.now());
    slot.busy = false;
    lines_[slot.number] = kNoLine;
    --busy_;
    report_completion(slot.clock);
  }
}

/// Gives a slot that has become free the access that waits longest; true if the slot has to fetch something for it.
bool WindowCore::takes_next(Slot& slot) {
  while (!wanting_.empty()) {
    const Miss miss = wanting_.front();
    wanting_.pop_front();
    const MemAccess access = access_of(miss);
    if (const FastPath::Hit found = fast_path_.find_hit(access)) {
      const CycleTime at = fast_path_.reserve_port(access.kind, slot.clock.now());
      end_late_hit(miss, fast_path_.perform(access, found), at, at + fast_path_.hit_cycles(kind_of(access)));
    } else if (!joins_line(miss)) {
      occupy(slot, miss, slot.clock.now());
      return true;
    }
  }
  return false;
}

/// Ends an access that had to wait and is a hit now: started in cycle `at`, with its result in cycle `end`.
void WindowCore::end_late_hit(const Miss& miss, PhysAddr pa, CycleTime at, CycleTime end) {
  const bool store = miss.store != StoreQueue::kNone;
  const MemAccess& access = access_of(miss);
  const CycleTime dispatched = store ? store_queue_[miss.store].dispatched : in_flight(miss.number).dispatched;
  report_hit(access, miss.number, dispatched, at, pa);
  if (!store || !store_queue_[miss.store].translated) {
    InFlight& flight = in_flight(miss.number);
    flight.result = {pa, std::nullopt};
    complete(flight, store && !access.rmw ? at : end);
  }
  if (store) written(miss.store, at);
  --unfinished_;
}

/// Makes the access of a slot: its translation and its lines.
void WindowCore::perform(Slot& slot) {
  slot.clock.sync();
  AccessRecord record;
  record.id = slot.miss.number;
  record.core = lsu_->context().core;
  record.access = slot.access;
  record.begin = slot.dispatched;
  record.stage[Stage::kStall] = slot.clock.now() - slot.dispatched;
  const bool store = slot.miss.store != StoreQueue::kNone;
  const bool retires_translated = store && !slot.access.rmw;
  const LoadStoreUnit::Pieces pieces = lsu_->translate(slot.access, slot.clock, record);
  fast_path_.learn(slot.access, pieces);
  const AccessResult result{pieces.piece[0].pa, pieces.fault};
  if (retires_translated && !store_queue_[slot.miss.store].translated) {
    slot.clock.sync();
    InFlight& flight = in_flight(slot.miss.number);
    flight.result = result;
    complete(flight, slot.clock.now());
    report_completion(slot.clock);
  }
  if (!pieces.fault) lsu_->touch_data(slot.access, pieces, slot.clock, record);
  slot.clock.sync();
  record.end = slot.clock.now();
  lsu_->retire(record);
  if (!retires_translated) {
    InFlight& flight = in_flight(slot.miss.number);
    flight.result = result;
    complete(flight, slot.clock.now());
  }
  if (store) written(slot.miss.store, slot.clock.now());
  --unfinished_;
}

/// Ends the accesses that wait for the line of a slot, which is there now.
void WindowCore::finish(Slot& slot) {
  const CycleTime now = slot.clock.now();
  fast_path_.settle(now);
  lines_[slot.number] = kNoLine;
  for (const Miss& miss : slot.for_line) {
    --unready_;
    const MemAccess access = access_of(miss);
    if (const FastPath::Hit found = fast_path_.find_hit(access)) {
      end_late_hit(miss, fast_path_.perform(access, found), now, now);
    } else {
      want_slot(miss);  // the line is gone already, or no cache may keep it
    }
  }
  slot.for_line.clear();
  report_completion(slot.clock);
}

/// Makes the result of an access known, and the accesses ready that needed nothing else.
void WindowCore::complete(InFlight& flight, CycleTime done) {
  flight.done = done;
  flight.known = true;
  if (flight.store != StoreQueue::kNone) store_queue_[flight.store].translated = true;
  for (Link link = std::exchange(flight.waiting, kEnd); link != kEnd;) {
    InFlight& waiter = in_flight(link >> 3);
    link = waiter.next[link & 7];
    give_result(waiter, done);
  }
}

/// Gives an access one of the results that it needs.
void WindowCore::give_result(InFlight& waiter, CycleTime at) {
  waiter.ready = std::max(waiter.ready, at);
  if (--waiter.missing != 0) return;
  --unready_;
  ready_.push({waiter.ready, waiter.number});
}

/// Notes that the line of a store is there.
void WindowCore::written(StoreQueue::Index index, CycleTime at) {
  StoreQueue::Store& store = store_queue_[index];
  store_queue_.note_written(index);
  for (const uint64_t number : store.waiting) give_result(in_flight(number), at);
  store.waiting.clear();
  leave_if_over(index);
}

void WindowCore::leave_if_over(StoreQueue::Index index) {
  if (store_queue_[index].written && store_queue_[index].retired) store_queue_.remove(index);
}

/// Moves the front end on, in the cycle that the core has reached, until it has to wait.
void WindowCore::fetch_next() {
  while (FrontEnd::Entry* entry = front_end_.next_to_fetch()) {
    const MemAccess& access = entry->access;
    if (access.kind == AccessKind::kFetch) {
      const VirtAddr first = access.va.align_down(kLineBytes);
      const VirtAddr last = (access.va + (access.bytes - 1U)).align_down(kLineBytes);
      const bool here = front_end_.has_line && front_end_.user == access.user;
      if (here && front_end_.line == last && first == last) {
        fast_path_.fetch_again();
        if (fast_path_.reports_hits())
          fast_path_.report_hit(access, entry->number, clock_.now(), clock_.now(),
                                front_end_.line_pa.align_down(kLineBytes) + (access.va.raw() & (kLineBytes - 1)));
        entry->available = front_end_.line_available;
        entry->result = {front_end_.line_pa.align_down(kLineBytes) + (access.va.raw() & (kLineBytes - 1)), {}};
      } else if (!fetches_line(*entry, last)) {
        return;
      }
    }
    front_end_.pass();
  }
}

/// Fetches the lines of a record, of which `last` is the last; false if the front end has to wait for that.
bool WindowCore::fetches_line(FrontEnd::Entry& entry, VirtAddr last) {
  if (!std::exchange(front_end_.has_port, true)) {
    front_end_.next_fetch = fast_path_.reserve_port(AccessKind::kFetch, clock_.now());
    if (front_end_.next_fetch > clock_.now()) return false;
  }
  if (busy_ != 0 || company_) clock_.sync();
  fast_path_.settle(clock_.now());
  PhysAddr pa;
  if (fast_path_.try_fetch(entry.access, pa)) {
    if (fast_path_.reports_hits()) fast_path_.report_hit(entry.access, entry.number, clock_.now(), clock_.now(), pa);
    note_line(entry, last, clock_.now() + fast_path_.hit_cycles(AccessKind::kFetch), pa);
    front_end_.line_pa = pa + (last - entry.access.va.align_down(kLineBytes));
    if (last.align_down(kPageBytes) != entry.access.va.align_down(kPageBytes)) {  // its page is another one's neighbour
      MemAccess tail = entry.access;
      tail.va = last;
      tail.bytes = 1;
      const RecentPages::Page* page = fast_path_.find_translation(tail);
      front_end_.has_line = page != nullptr;
      if (page != nullptr) front_end_.line_pa = FastPath::address_of(tail, *page);
    }
    return true;
  }
  front_end_.busy = true;
  front_end_.asked = clock_.now();
  clock_.notify(fetch_);
  return false;
}

/// Notes that the lines of a fetch have come, of which `line` is the last; `pa` is where the fetch begins. If `line` is not
/// the first line as well, the caller sets where that one is.
void WindowCore::note_line(FrontEnd::Entry& entry, VirtAddr line, CycleTime available, PhysAddr pa) {
  entry.available = available;
  entry.result = {pa, {}};
  front_end_.has_port = false;
  front_end_.has_line = true;
  front_end_.line = line;
  front_end_.user = entry.access.user;
  front_end_.line_available = available;
  front_end_.line_pa = pa;
}

/// Fetches what is not in the instruction TLB and cache, for the front end, which waits for it.
void WindowCore::run_front_end() {
  while (fibers_.rest(front_clock_, fetch_)) {
    front_clock_.advance_to(front_end_.asked);
    try {
      front_clock_.sync();
      const MemAccess access = front_end_.fetching().access;
      AccessRecord record;
      record.id = front_end_.fetching().number;
      record.core = lsu_->context().core;
      record.access = access;
      record.begin = front_clock_.now();
      const LoadStoreUnit::Pieces pieces = lsu_->translate(access, front_clock_, record);
      fast_path_.learn(access, pieces);
      const AccessResult result = lsu_->finish(access, pieces, front_clock_, record);
      front_clock_.sync();
      note_line(front_end_.fetching(), (access.va + (access.bytes - 1U)).align_down(kLineBytes), front_clock_.now(),
                result.pa);
      front_end_.fetching().result = result;
      if (result.fault) {
        front_end_.has_line = false;
      } else {
        const auto& tail = pieces.piece[pieces.count - 1];
        front_end_.line_pa = tail.pa + (tail.bytes - 1U);
      }
      front_end_.pass();
    } catch (const FiberEnds&) {
      throw;
    } catch (...) {
      failure_ = std::current_exception();
    }
    front_end_.next_fetch = front_clock_.now();
    front_end_.busy = false;
    report_completion(front_clock_);
  }
}

}  // namespace mmusim
