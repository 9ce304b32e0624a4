// SPDX-License-Identifier: MIT
#include "models/x86/memory_type.h"

#include "models/base/errors.h"

namespace mmusim {

namespace {

constexpr bool is_reserved(uint64_t encoding) { return encoding == 2 || encoding == 3 || encoding > 7; }
constexpr bool is_valid_mtrr(uint64_t encoding) { return !is_reserved(encoding) && encoding != 7; }

constexpr uint64_t kMtrrFixedEnable = uint64_t{1} << 10;
constexpr uint64_t kMtrrEnable = uint64_t{1} << 11;
constexpr uint64_t kRangeValid = uint64_t{1} << 11;
constexpr uint64_t kRangeAddress = 0x000f'ffff'ffff'f000;

constexpr unsigned kFixed16K = 1;  // place of the first register of each kind
constexpr unsigned kFixed4K = 3;

MemoryType overlap(MemoryType a, MemoryType b) {
  if (a == b) return a;
  const auto is = [&](MemoryType x, MemoryType y) { return (a == x && b == y) || (a == y && b == x); };
  return is(MemoryType::kWriteThrough, MemoryType::kWriteBack) ? MemoryType::kWriteThrough : MemoryType::kUncacheable;
}

}  // namespace

const char* name_of(MemoryType type) {
  switch (type) {
    case MemoryType::kUncacheable:
      return "UC";
    case MemoryType::kWriteCombining:
      return "WC";
    case MemoryType::kWriteThrough:
      return "WT";
    case MemoryType::kWriteProtected:
      return "WP";
    case MemoryType::kWriteBack:
      return "WB";
    case MemoryType::kUncacheableMinus:
      return "UC-";
  }
  return "?";
}

bool is_valid_pat(uint64_t pat) {
  for (unsigned i = 0; i < 8; ++i) {
    if (is_reserved(pat >> (8 * i) & 0xff)) return false;
  }
  return true;
}

MemoryType combine(MemoryType mtrr, MemoryType pat) {
  using enum MemoryType;
  // Columns in the order of the encodings: UC, WC, -, -, WT, WP, WB, UC-.
  static constexpr std::array<MemoryType, 8> kUc = {kUncacheable, kWriteCombining, kUncacheable, kUncacheable,
                                                    kUncacheable, kUncacheable,    kUncacheable, kUncacheable};
  static constexpr std::array<MemoryType, 8> kWc = {kUncacheable, kWriteCombining, kUncacheable,    kUncacheable,
                                                    kUncacheable, kUncacheable,    kWriteCombining, kWriteCombining};
  static constexpr std::array<MemoryType, 8> kWt = {kUncacheable,  kWriteCombining, kUncacheable,  kUncacheable,
                                                    kWriteThrough, kWriteProtected, kWriteThrough, kUncacheable};
  static constexpr std::array<MemoryType, 8> kWb = {kUncacheable,  kWriteCombining, kUncacheable, kUncacheable,
                                                    kWriteThrough, kWriteProtected, kWriteBack,   kUncacheable};
  static constexpr std::array<MemoryType, 8> kWp = {kUncacheable,  kWriteCombining, kUncacheable,    kUncacheable,
                                                    kWriteThrough, kWriteProtected, kWriteProtected, kWriteCombining};
  const auto column = static_cast<unsigned>(pat);
  switch (mtrr) {
    case kUncacheable:
      return kUc[column];
    case kWriteCombining:
      return kWc[column];
    case kWriteThrough:
      return kWt[column];
    case kWriteBack:
      return kWb[column];
    case kWriteProtected:
      return kWp[column];
    case kUncacheableMinus:
      break;
  }
  MMUSIM_INVARIANT(false, "an MTRR type");
  return kUncacheable;
}

bool Mtrrs::set_default(uint64_t def_type) {
  if ((def_type & ~(uint64_t{0xff} | kMtrrFixedEnable | kMtrrEnable)) != 0 || !is_valid_mtrr(def_type & 0xff)) {
    return false;
  }
  default_ = static_cast<MemoryType>(def_type & 0xff);
  enabled_ = (def_type & kMtrrEnable) != 0;
  fixed_enabled_ = (def_type & kMtrrFixedEnable) != 0;
  return true;
}

bool Mtrrs::set_fixed(size_t which, uint64_t types) {
  if (which >= kFixedRegisters) return false;
  for (unsigned i = 0; i < 8; ++i) {
    if (!is_valid_mtrr(types >> (8 * i) & 0xff)) return false;
  }
  fixed_[which] = types;
  return true;
}

bool Mtrrs::add_variable(uint64_t phys_base, uint64_t phys_mask) {
  if ((phys_base & ~(kRangeAddress | 0xff)) != 0 || (phys_mask & ~(kRangeAddress | kRangeValid)) != 0) return false;
  if (!is_valid_mtrr(phys_base & 0xff)) return false;
  if ((phys_mask & kRangeValid) == 0) return true;
  const uint64_t mask = phys_mask & kRangeAddress;
  ranges_.push_back({phys_base & mask, mask, static_cast<MemoryType>(phys_base & 0xff)});
  return true;
}

MemoryType Mtrrs::fixed_type(PhysAddr pa) const {
  const uint64_t at = pa.raw();
  size_t which = 0;
  unsigned shift = 16;
  uint64_t base = 0;
  if (at >= 0xc'0000) {
    shift = 12;
    base = 0xc'0000;
    which = kFixed4K;
  } else if (at >= 0x8'0000) {
    shift = 14;
    base = 0x8'0000;
    which = kFixed16K;
  }
  const uint64_t n = (at - base) >> shift;
  return static_cast<MemoryType>(fixed_[which + n / 8] >> (8 * (n % 8)) & 0xff);
}

MemoryType Mtrrs::type_at(PhysAddr pa) const {
  if (!enabled_) return MemoryType::kUncacheable;
  if (fixed_enabled_ && pa.raw() < kMiB) return fixed_type(pa);
  std::optional<MemoryType> type;
  for (const Range& range : ranges_) {
    if ((pa.raw() & range.mask) == range.base) type = type ? overlap(*type, range.type) : range.type;
  }
  return type.value_or(default_);
}

std::optional<MemoryType> Mtrrs::uniform() const {
  if (!enabled_) return MemoryType::kUncacheable;
  if (fixed_enabled_ || !ranges_.empty()) return std::nullopt;
  return default_;
}

MemoryTypes::MemoryTypes(const Mtrrs& mtrrs, uint64_t pat, bool cache_disable) : mtrrs_(mtrrs) {
  MMUSIM_INVARIANT(is_valid_pat(pat), "a PAT that WRMSR accepts");
  for (unsigned i = 0; i < 8; ++i) pat_[i] = pat_type(pat, i);
  const auto everywhere = cache_disable ? std::optional(MemoryType::kUncacheable) : mtrrs_.uniform();
  uniform_ = everywhere.has_value();
  for (unsigned i = 0; uniform_ && i < uniform_types_.size(); ++i) {
    uniform_types_[i] = cache_disable ? MemoryType::kUncacheable : type_of(*everywhere, i);
  }
}

MemoryType MemoryTypes::type_of(MemoryType mtrr, unsigned index) const {
  if (index < kTypeItself) return combine(mtrr, pat_[index]);
  if (index < kTypeUnderMtrrs) return static_cast<MemoryType>(index - kTypeItself);
  return combine(mtrr, static_cast<MemoryType>(index - kTypeUnderMtrrs));
}

MemoryType MemoryTypes::at_slow(PhysAddr pa, unsigned index) const { return type_of(mtrrs_.type_at(pa), index); }

}  // namespace mmusim
