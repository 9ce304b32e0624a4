// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/base/config.h"
#include "models/base/reciprocal.h"
#include "models/base/types.h"

namespace mmusim {

/// In which row a 64-byte line lives. `bank` counts all banks of a channel: rank, then bank group, then bank within the
/// group.
struct DramLocation {
  unsigned channel = 0;
  unsigned bank = 0;
  uint64_t row = 0;
};

/// One coordinate as bits of the address: bit i of the coordinate is address bit `bits[i]`, XORed with the parity of
/// the address under `masks[i]`.
struct AddressField {
  std::vector<unsigned> bits;   ///< from the least significant bit of the coordinate
  std::vector<uint64_t> masks;  ///< as many as bits; 0: no XOR
};

/// Spreads physical addresses over the channels, ranks, banks, rows and columns. The default is the map of the
/// reference simulators: row | bank | bank group | column | offset, 8 KiB consecutive in a bank.
struct AddressMapConfig {
  /// 0: the channel is a bit slice like the others. Otherwise channels take turns of that many bytes (a power of two,
  /// any number of channels), and the slices describe the address within a channel.
  uint64_t channel_interleave_bytes = 0;
  AddressField channel, rank;
  AddressField bank_group{{13, 14}, {0, 0}};
  AddressField bank{{15, 16}, {0, 0}};
  AddressField row{{17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}, std::vector<uint64_t>(15, 0)};
  AddressField column{{6, 7, 8, 9, 10, 11, 12}, std::vector<uint64_t>(7, 0)};

  /// Returns a map without any slice.
  static AddressMapConfig empty();
};

/// The counts an address map has to fit.
struct DramGeometry {
  unsigned channels = 1;
  unsigned ranks = 1;            ///< of a channel; power of two
  unsigned bank_groups = 4;      ///< of a rank; power of two
  unsigned banks_per_group = 4;  ///< power of two
  uint64_t row_bytes = 8192;     ///< of a channel, all chips of a rank together; power of two

  unsigned banks_per_rank() const { return bank_groups * banks_per_group; }
  unsigned banks() const { return ranks * banks_per_rank(); }
};

/// Reads "address_map": for each of row, bank, bank_group, column, rank, channel the address bits from the least
/// significant of the coordinate, such as "17-31" or "6,14-16"; "xor" holds per coordinate a list with one entry for
/// each of its bits, the address bits XORed into it ("17,21", or "" for none). Errors: bits used twice or not at all,
/// counts that do not fit the geometry, XORs that map two addresses to one place. `defaults`: the slices that hold
/// where none are given.
AddressMapConfig read_address_map(ConfigReader r, const DramGeometry& geometry,
                                  const AddressMapConfig& defaults = AddressMapConfig::empty());

/// Physical address to location; total on addresses below capacity_bytes(), one to one.
class AddressMap {
 public:
  /// `config` must have been checked (read_address_map, or the defaults).
  AddressMap(const AddressMapConfig& config, const DramGeometry& geometry);

  DramLocation locate(PhysAddr pa) const {
    const Place place = place_of(pa);
    const uint64_t bank_and_row = bank_and_row_.extract(place.local);
    return {place.channel, static_cast<unsigned>(bank_and_row >> kBankShift), bank_and_row & kRowMask};
  }
  /// Number of the line within its row.
  uint64_t column(PhysAddr pa) const { return column_.extract(place_of(pa).local); }

  uint64_t capacity_bytes() const { return capacity_bytes_; }

 private:
  /// Coordinates compiled to tables. Each bit of a coordinate is the XOR of some address bits, so what a coordinate is
  /// can be put together from what each byte of the address alone would make it.
  class Extractor {
   public:
    /// Adds a field, its least significant bit at `position` of the coordinate.
    void append(const AddressField& field, unsigned position);
    uint64_t extract(uint64_t address) const {
      uint64_t value = 0;
      address >>= kLineShift;
      for (const Table& table : tables_) {
        value ^= table[address & 0xff];
        address >>= 8;
      }
      return value;
    }

   private:
    using Table = std::array<uint64_t, 256>;
    void add_bit(unsigned address_bit, unsigned position);

    std::vector<Table> tables_;  ///< by byte of the line number
  };
  static constexpr unsigned kBankShift = 48;
  static constexpr uint64_t kRowMask = (uint64_t{1} << kBankShift) - 1;

  /// The channel, and the address that the other slices are taken from.
  struct Place {
    unsigned channel;
    uint64_t local;
  };
  Place place_of(PhysAddr pa) const {
    const uint64_t address = pa.raw();
    if (interleave_shift_ == 0) return {static_cast<unsigned>(channel_.extract(address)), address};
    const uint64_t turn = address >> interleave_shift_;
    const uint64_t round = by_channels_.divide(turn);
    const uint64_t within = address & ((uint64_t{1} << interleave_shift_) - 1);
    return {static_cast<unsigned>(turn - round * channels_), round << interleave_shift_ | within};
  }

  unsigned interleave_shift_ = 0;
  unsigned channels_ = 1;
  Reciprocal by_channels_;
  Extractor channel_, bank_and_row_, column_;
  uint64_t capacity_bytes_ = 0;
};

}  // namespace mmusim
