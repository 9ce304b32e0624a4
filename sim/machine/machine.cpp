// SPDX-License-Identifier: MIT
#include "sim/machine/machine.h"

#include <algorithm>

#include "models/x86/translate.h"
#include "sim/machine/requesters.h"

namespace mmusim {

namespace {

/// A lone blocking core without anything that works beside it never needs to wait for the simulation.
LookAhead look_ahead_of(const PlatformConfig& p, MachineOptions options) {
  if (options.look_ahead == LookAhead::kNone) return LookAhead::kNone;
  const bool alone = p.cores == 1 && p.model == CoreModel::kBlocking && !p.has_prefetchers();
  return alone ? LookAhead::kAlone : LookAhead::kPending;
}

/// A machine in lock-step looks before each access for lines that are gone; one with prefetchers no more often than with
/// look-ahead.
CoherenceConfig coherence_of(const PlatformConfig& p, LookAhead look_ahead) {
  const TopologyConfig& t = p.topology;
  CoherenceConfig c;
  c.protocol = t.protocol;
  c.directory = {t.directory.entries * p.cores, t.directory.ways};
  c.lines = size_t{p.l1d.geometry.entries + (p.l1i ? p.l1i->geometry.entries : 0) + p.l2.geometry.entries} * p.cores;
  c.transfer = [t](unsigned asker, unsigned holder) { return t.transfer.of(t.distance(asker, holder)); };
  c.least = t.least_transfer() - p.l1d.latency;
  c.look_always = look_ahead == LookAhead::kNone && !p.has_prefetchers();
  return c;
}

}  // namespace

Machine::Machine(const sc_core::sc_module_name& name, const PlatformConfig& platform, MachineOptions options)
    : sc_module(name), platform_(platform), clock_(platform.period_ps, requesters_of(platform)) {
  const LookAhead look_ahead = look_ahead_of(platform, options);
  alone_ = look_ahead == LookAhead::kAlone;
  fibers_ = std::make_unique<FiberGroup>("requesters", clock_, look_ahead);
  dram_ = std::make_unique<Dram>("dram", platform.dram, clock_, next_requester_++);
  clock_.waits().root(this->name());
  clock_.waits().name(0, "dram");
  if (options.paranoid) observe(checker_.emplace(memory_, platform.cores));
  l3_ = std::make_unique<Cache>("l3", platform.l3, HitLevel::kL3, platform.l3.latency - platform.l2.latency);
  MemoryIf* memory = options.memory != nullptr ? options.memory : dram_.get();
  if (options.listener != nullptr) {
    tap_ = std::make_unique<MemoryTap>("requests", *memory, *options.listener);
    memory = tap_.get();
  }
  l3_->below(*memory);
  const auto requester_clock = [&](const std::string& requester) { return clock(requester, look_ahead); };
  enable_prefetch(*l3_, platform.l3, "l3", requester_clock, prefetches_, *fibers_);
  if (platform.cores > 1) {
    home_ = std::make_unique<CoherenceHome>(coherence_of(platform, look_ahead), *l3_);
    if (platform.l3.policy == CachePolicy::kInclusive) l3_->above(*home_);
  }
  if (options.virtualization.guest()) {
    guests_ = std::make_unique<Guests>(memory_, options.virtualization, platform);
    if (checker_) checker_->set_nested(&host_tables()->control(), 0);
  }
  const CoreParts::Shared shared{platform_, memory_,         *l3_,        guests_.get(), observers_,
                                 *fibers_,  requester_clock, home_.get(), prefetches_};
  for (unsigned i = 0; i < platform.cores; ++i)
    cores_.push_back(std::make_unique<CoreParts>(fmt::format("core{}", i).c_str(), i, shared));
  for (unsigned i = 0; guests_ && i < platform.cores; ++i) {
    CoreParts& parts = *cores_[i];
    parts.guests = std::make_unique<CoreGuests>(*guests_, *parts.nested, parts.context.control,
                                                [this, i] { invalidate(i, on_invept()); });
    set_registers(parts, parts.context.control);
    if (options.virtualization.tags) continue;
    parts.nested->left_guest = [this, i] { invalidate(i, on_vm_transition(/*tagged=*/false)); };
  }
}

Machine::~Machine() { fibers_->end(); }

LocalClock Machine::clock(const std::string& name, LookAhead look_ahead) {
  clock_.waits().name(next_requester_, name);
  return {clock_, next_requester_++, look_ahead};
}

void Machine::start(const std::vector<Program*>& programs) {
  MMUSIM_INVARIANT(programs.size() <= cores_.size() && !running_, "a core for each program");
  CycleTime begin = now();
  const Moment present = kernel_now();
  if (clock_.cycle_of(present) > begin) begin = clock_.first_cycle_from(present);
  for (size_t i = 0; i < programs.size(); ++i) cores_[i]->core->start(*programs[i], begin);
  running_ = true;
}

void Machine::finish() {
  running_ = false;
  const auto stuck = std::find_if(cores_.begin(), cores_.end(), [](const auto& c) { return !c->core->finished(); });
  if (stuck != cores_.end()) {
    const std::string report = fmt::format("nothing can happen any more in cycle {}, but {} is not done\n{}", reached(),
                                           clock_.waits().short_name((*stuck)->core->name()), who_waits());
    fibers_->end();  // while what the programs use is there
    rethrow();
    internal_error(__FILE__, __LINE__, report);
  }
  rethrow();
  for (const auto& parts : cores_) {
    if (parts->coherence) parts->coherence->check();
  }
}

/// Throws what a program or a requester threw.
void Machine::rethrow() {
  for (const auto& parts : cores_) parts->core->rethrow();
  fibers_->rethrow();
}

CycleTime Machine::reached() const { return std::max(now(), clock_.cycle_of(kernel_now())); }

std::string Machine::who_waits() const {
  const WaitBoard& names = clock_.waits();
  std::string text = names.text();
  for (const auto& parts : cores_) {
    text += parts->walker->in_progress(names);
    for (const Cache* cache : {parts->l1d.get(), parts->l1i.get(), parts->l2.get()}) {
      if (cache != nullptr) text += cache->in_progress(names);
    }
  }
  return text + l3_->in_progress(names) + dram_->in_progress(names);
}

void Machine::set_control(unsigned core, const ControlState& control) {
  if (observers_.wants(kProgramNotices)) observers_.control_written(core, 4, control.registers().cr4, /*timed=*/false);
  set_registers(*cores_[core], control);
}

void Machine::set_registers(CoreParts& parts, const ControlState& control) {
  parts.context.control = parts.guests ? parts.guests->tagged(control) : control;
  parts.core->fast_path().forget();
}

unsigned Machine::invalidate(unsigned core, const Invalidation& operation, Charge charge) {
  if (observers_.wants(kProgramNotices)) observers_.invalidated(core, operation, charge != Charge::kNothing);
  return remove(core, operation, charge);
}

unsigned Machine::remove(unsigned core, const Invalidation& operation, Charge charge) {
  CoreParts& parts = *cores_[core];
  if (charge == Charge::kCounted) parts.core->take_turn();
  const Invalidation what = parts.guests ? parts.guests->of_running(operation) : operation;
  unsigned removed = charge == Charge::kCycles ? parts.core->invalidate(what) : parts.lsu->invalidate(what);
  removed += remove_beyond_first_level(parts, what);
  if (charge != Charge::kNothing) parts.lsu->count_flush(removed);
  if (checker_) check_tlbs(core, operation);
  return removed;
}

unsigned Machine::invalidate(unsigned core, const NestedInvalidation& operation) {
  CoreParts& parts = *cores_[core];
  MMUSIM_INVARIANT(parts.guests, "a hypervisor's operation on a machine with guests");
  const Invalidation combined = parts.guests->combined(operation);
  const unsigned removed = parts.lsu->invalidate(combined) + remove_beyond_first_level(parts, combined);
  parts.core->fast_path().forget();
  return removed + parts.guests->remove_guest_physical(operation);
}

unsigned Machine::remove_beyond_first_level(CoreParts& parts, const Invalidation& operation) {
  return parts.second_level->state().invalidate(operation) +
         parts.walker->structure_caches().invalidate(parts.context.control, operation);
}

void Machine::enter_guest(unsigned guest, Charge charge) {
  if (guest == guest_) return;
  const VirtualizationConfig& config = host_tables()->config();
  for (unsigned i = 0; i < cores(); ++i) {
    CoreParts& parts = *cores_[i];
    if (charge == Charge::kCycles) {
      parts.core->take_turn();
      parts.core->idle(config.exit_cycles);
    }
    if (!config.tags) invalidate(i, on_vm_transition(/*tagged=*/false));
    parts.context.control = parts.guests->enter(guest, parts.context.control);
    parts.core->fast_path().forget();
    if (charge == Charge::kNothing) continue;
    ++parts.nested->counts.exits;
    parts.nested->counts.exit_cycles += config.exit_cycles;
  }
  guest_ = guest;
  if (checker_) checker_->set_nested(&host_tables()->control(), guest);
}

/// Checks that what a flush left is what the tables say.
void Machine::check_tlbs(unsigned core, const Invalidation& operation) {
  CoreParts& parts = *cores_[core];
  const auto check = [&](const TlbLevel& tlb, const char* name) {
    checker_->check_contents(core, parts.context.control, tlb, name, parts.core->now());
  };
  checker_->flushed(core, operation);
  parts.lsu->first_level().for_each_tlb(check);
  parts.second_level->state().for_each_tlb(check);
}

unsigned Machine::running_core() const {
  const unsigned owner = fibers_->running_owner();
  return owner == FiberGroup::kNobody ? 0 : owner;
}

bool Machine::write_cr3(unsigned core, uint64_t value, Charge charge) {
  CoreParts& parts = *cores_[core];
  if (observers_.wants(kProgramNotices)) observers_.control_written(core, 3, value, charge == Charge::kCycles);
  if (platform_.prefetches_translations() && fibers_->running_owner() == core) parts.core->drain_translations();
  const auto loaded = load_cr3(parts.context.control, value, PhysMemEntries{memory()});
  if (!loaded) return false;
  const Invalidation removed = on_mov_cr3(parts.context.control, value);
  if (!removed.nothing()) remove(core, removed, charge);
  set_registers(parts, *loaded);
  return true;
}

void Machine::observe(Observer& observer) {
  observers_.add(observer);
  dram_->system().observe(observers_.wants(kDramCommandNotices) ? &observers_ : nullptr);
}

void Machine::stop_observing(const Observer& observer) {
  observers_.remove(observer);
  dram_->system().observe(observers_.wants(kDramCommandNotices) ? &observers_ : nullptr);
}

CycleTime Machine::now() const {
  CycleTime latest;
  for (const auto& parts : cores_) latest = std::max(latest, parts->core->now());
  return latest;
}

StatNode Machine::stats() const {
  StatNode root;
  root.name = "machine";
  for (size_t i = 0; i < cores_.size(); ++i) {
    const CoreParts& parts = *cores_[i];
    StatNode& node = root.child(fmt::format("core{}", i));
    node.child("core").add(parts.core->stats());
    node.child("lsu").add(parts.core->access_stats());
    node.child("stlb").add(parts.second_level->state().stats());
    if (platform_.second_level.extended()) node.child("stlb").add(parts.second_level->state().extended_stats());
    node.child("page_walkers").add(parts.walker->stats());
    if (parts.nested) node.child("nested_page_walks").add(parts.nested->counts);
    const auto first_level = [&parts](const Cache& cache) {
      CacheStats stats = cache.stats();
      parts.core->fast_path().add_to(stats, cache);
      return stats;
    };
    node.child("l1d").add(first_level(*parts.l1d));
    if (parts.l1i) node.child("l1i").add(first_level(*parts.l1i));
    node.child("l2").add(parts.l2->stats());
    if (parts.coherence) node.child("coherence").add(parts.coherence->stats());
  }
  root.child("l3").add(l3_->stats());
  StatNode& dram = root.child("dram");
  dram.add(dram_->stats());
  // Statistics of a machine that runs are asked for by the one program that does, after it has drained.
  const auto busy = std::count_if(cores_.begin(), cores_.end(), [](const auto& c) { return !c->core->finished(); });
  const bool drained = busy <= 1 && !dram_->reads_waiting();
  dram.child("controllers").add(dram_->controller_stats(!running_ || alone_ || drained));
  return root;
}

MachineTotals Machine::totals() const {
  MachineTotals t;
  for (const auto& parts : cores_) add_totals(*parts, t);
  t.cycles = now().count;
  return t;
}

MachineTotals Machine::totals(unsigned core) const {
  MachineTotals t;
  add_totals(*cores_[core], t);
  t.cycles = cores_[core]->core->now().count;
  return t;
}

void Machine::add_totals(const CoreParts& parts, MachineTotals& t) const {
  const LoadStoreUnitStats lsu = parts.core->access_stats();
  const PageWalkerStats& walker = parts.walker->stats();
  for (const AccessKind k : {AccessKind::kRead, AccessKind::kWrite}) {
    t.accesses += lsu.accesses[k];
    t.lookups += lsu.tlb_lookups[k];
    t.l1_dtlb_misses += lsu.tlb_misses[k];
  }
  const SecondLevelTlbStats& second = parts.second_level->state().stats();
  for (const AccessKind k : kAllOf<AccessKind>) {
    t.translation[k] = sum(t.translation[k], TranslationCounts{lsu.accesses[k], second.hits_by_page[k],
                                                               second.misses_by_page[k], walker.by_cause[cause_of(k)]});
  }
  t.flushes += lsu.flushes;
  t.stlb_misses += second.misses;
  t.walks += walker.walks;
  t.entry_reads += walker.entry_reads;
  if (parts.nested) t.add_nested(parts.nested->counts);
  t.walk_cycles += walker.latency.sum();
  for (const Stage s : kAllOf<Stage>) t.stage_cycles[s] += lsu.stage[s].count;
  for (size_t level = 0; level < walker.reads_by_level.size(); ++level) {
    t.reads_by_level[level] += walker.reads_by_level[level];
  }
  t.walk_latency.merge(walker.latency);
}

}  // namespace mmusim
