// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/base/phys_mem.h"
#include "models/fabric/observer.h"
#include "models/tlb/tlb_level.h"
#include "models/x86/nested_control.h"
#include "models/x86/walk.h"

namespace mmusim {

/// The checker of --paranoid: compares each translation that a machine used, and what its TLBs hold after each flush,
/// with the pure walk over the page tables as they are now (models/x86/walk.h).
///
/// A difference is right only where the architecture allows a stale entry: software changed an entry that was present
/// and has not flushed that address on that core since (SDM vol. 3A 4.10.4). Anything else stops the program with
/// module, cycle, both translations and the way to reproduce.
class TranslationChecker final : public Observer {
 public:
  /// `memory` holds the page tables and outlives this object.
  TranslationChecker(PhysMem& memory, unsigned cores) : memory_(&memory), cores_(cores), all_stale_(1) {
    all_stale_[0].resize(cores);
  }

  /// The addresses that cores translate from here on are those of a guest, by its number: both dimensions are compared.
  /// `control` outlives this object.
  void set_nested(const NestedControl* control, unsigned guest);

  uint32_t mask() const override { return kTranslationNotices; }
  void translated(const UsedTranslation& used) override;

  /// Software stored to an entry that was present before: cached translations of [va, va + bytes) may be stale until
  /// they are flushed. `bytes` 0: it is not known which addresses the entry maps.
  void entry_changed(VirtAddr va, uint64_t bytes);
  /// `operation` was carried out on that core: what it had to remove cannot be stale any more.
  void flushed(unsigned core, const Invalidation& operation);
  /// Compares every entry of the current address space.
  void check_contents(unsigned core, const ControlState& control, const TlbLevel& tlb, const char* name, CycleTime now);

  uint64_t translations_checked() const { return translations_; }
  uint64_t entries_checked() const { return entries_; }
  /// Of both, those that were stale as the architecture allows.
  uint64_t stale_seen() const { return stale_seen_; }

 private:
  /// Translations that one core may still hold: pieces of the address space by their first byte, and how long they are.
  struct Stale {
    std::map<uint64_t, uint64_t> pieces;
    bool anything = false;
  };
  /// Why `got` is not what a walk finds; empty if it is.
  static std::string difference(VirtAddr va, const Translation& got, const Translation& expected);
  /// Answer of the tables for an address.
  struct Verdict {
    std::optional<FaultReason> fault;
    Translation translation;
    bool needs_update = false;  ///< an accessed or dirty flag, of either dimension
  };
  Verdict verdict(const ControlState& control, VirtAddr va, std::optional<AccessType> type) const;
  Verdict nested_verdict(const ControlState& control, VirtAddr va, std::optional<AccessType> type) const;
  static std::string judge(const UsedTranslation& used, const Verdict& tables);
  bool may_be_stale(unsigned core, VirtAddr va) const;
  [[noreturn]] void stop(unsigned core, const ControlState& control, VirtAddr va, const std::string& who,
                         const std::string& what, CycleTime now);

  std::vector<Stale>& stale() { return all_stale_[guest_]; }
  const std::vector<Stale>& stale() const { return all_stale_[guest_]; }

  PhysMem* memory_;
  size_t cores_;
  unsigned guest_ = 0;
  const NestedControl* nested_ = nullptr;
  std::vector<std::vector<Stale>> all_stale_;  // by guest, and core
  uint64_t translations_ = 0, entries_ = 0, stale_seen_ = 0;
};

}  // namespace mmusim
