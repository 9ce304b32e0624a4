// SPDX-License-Identifier: MIT
#include "models/dram/address_map.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include <nlohmann/json.hpp>

namespace mmusim {

namespace {

constexpr unsigned kAddressBits = 52;

/// "17-31,6" as bit numbers; nullopt if it is not a list of bits 0..51.
std::optional<std::vector<unsigned>> parse_bits(std::string_view text) {
  std::vector<unsigned> bits;
  const auto number = [&text]() -> std::optional<unsigned> {
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || value >= kAddressBits) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return value;
  };
  while (!text.empty()) {
    const auto first = number();
    if (!first) return std::nullopt;
    auto last = first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      last = number();
      if (!last || *last < *first) return std::nullopt;
    }
    for (unsigned bit = *first; bit <= *last; ++bit) bits.push_back(bit);
    if (text.empty()) break;
    if (!text.starts_with(',') || text.size() == 1) return std::nullopt;
    text.remove_prefix(1);
  }
  return bits;
}

/// "6,9-14", what parse_bits() reads.
std::string text_of(const std::vector<unsigned>& bits) {
  std::string text;
  for (size_t i = 0; i < bits.size();) {
    size_t last = i;
    while (last + 1 < bits.size() && bits[last + 1] == bits[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(bits[i]);
    if (last != i) text += "-" + std::to_string(bits[last]);
    i = last + 1;
  }
  return text;
}

struct NamedField {
  const char* name;
  const char* meaning;
  AddressField* field;
};

std::array<NamedField, 6> fields_of(AddressMapConfig& c) {
  return {{{"channel", "Address bits of the channel, from its least significant, such as \"6,9-14\".", &c.channel},
           {"rank", "Address bits of the rank.", &c.rank},
           {"bank_group", "Address bits of the bank group.", &c.bank_group},
           {"bank", "Address bits of the bank within its group.", &c.bank},
           {"row", "Address bits of the row.", &c.row},
           {"column", "Address bits of the column, in lines.", &c.column}}};
}

void read_field(ConfigReader& r, const NamedField& named) {
  AddressField& field = *named.field;
  std::string text = text_of(field.bits);
  r.read({named.name, named.meaning, "address bits"}, text);
  const auto bits = parse_bits(text);
  if (!bits) return r.error(named.name, fmt::format("expected address bits such as \"13-14\", got \"{}\"", text));
  field.bits = *bits;
  field.masks.assign(field.bits.size(), 0);
}

void read_xor(ConfigReader& r, const char* name, AddressField& field) {
  const nlohmann::json* list =
      r.raw({name, "Address bits XORed into each bit of the coordinate.", "address bits", "none"},
            ValueForm::list(ValueForm::of(ValueForm::Kind::kText)));
  if (list == nullptr) return;
  if (!list->is_array() || list->size() != field.bits.size())
    return r.error(name, fmt::format("expected a list of {} strings, one for each bit", field.bits.size()));
  for (size_t i = 0; i < list->size(); ++i) {
    const nlohmann::json& item = (*list)[i];
    const auto bits = item.is_string() ? parse_bits(item.get_ref<const std::string&>()) : std::nullopt;
    if (!bits) return r.error(name, "expected strings with address bits such as \"17,21\"");
    for (unsigned bit : *bits) field.masks[i] ^= uint64_t{1} << bit;
  }
}

/// True if the fields' rows over GF(2) are independent, that is, no two addresses share a location.
bool independent(std::vector<uint64_t> rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] == 0) return false;
    const uint64_t pivot = uint64_t{1} << std::countr_zero(rows[i]);
    for (size_t j = i + 1; j < rows.size(); ++j) {
      if (rows[j] & pivot) rows[j] ^= rows[i];
    }
  }
  return true;
}

void check_bits(ConfigReader& r, AddressMapConfig& c) {
  uint64_t used = 0;
  std::vector<uint64_t> rows;
  for (const NamedField& f : fields_of(c)) {
    for (size_t i = 0; i < f.field->bits.size(); ++i) {
      const uint64_t bit = uint64_t{1} << f.field->bits[i];
      if (used & bit) r.error(f.name, fmt::format("address bit {} is used twice", f.field->bits[i]));
      used |= bit;
      rows.push_back(bit ^ f.field->masks[i]);
    }
  }
  const uint64_t all = used >> kLineShift;
  if ((used & (kLineBytes - 1)) != 0 || (all & (all + 1)) != 0) {
    return r.error("", fmt::format("the slices must cover each address bit from {} up to the last, got bits 0x{:x}",
                                   kLineShift, used));
  }
  for (const uint64_t row : rows) {
    if (row & ~used) return r.error("xor", "uses address bits that are not part of the map");
  }
  if (r.errors().empty() && !independent(rows)) r.error("xor", "maps two addresses to one location");
}

void check_counts(ConfigReader& r, const AddressMapConfig& c, const DramGeometry& g) {
  const auto fits = [&r](const char* name, const AddressField& field, uint64_t count) {
    const uint64_t bits = field.bits.size();
    r.check(uint64_t{1} << bits == count, name, "{} bits do not number {}", bits, count);
  };
  fits("channel", c.channel, c.channel_interleave_bytes != 0 ? 1 : g.channels);
  fits("rank", c.rank, g.ranks);
  fits("bank_group", c.bank_group, g.bank_groups);
  fits("bank", c.bank, g.banks_per_group);
  fits("column", c.column, g.row_bytes / kLineBytes);
}

}  // namespace

AddressMapConfig AddressMapConfig::empty() {
  AddressMapConfig c;
  for (const NamedField& f : fields_of(c)) *f.field = {};
  return c;
}

AddressMapConfig read_address_map(ConfigReader r, const DramGeometry& geometry, const AddressMapConfig& defaults) {
  AddressMapConfig c = defaults;
  r.read_size({"channel_interleave",
               "Channels, of any number, take turns of so many bytes, and the slices describe the address within a "
               "channel; 0: the channel is a slice.",
               "bytes"},
              c.channel_interleave_bytes);
  const uint64_t turn = c.channel_interleave_bytes;
  r.check(turn == 0 || (std::has_single_bit(turn) && turn >= kLineBytes), "channel_interleave",
          "{} bytes is no power of two from {}", turn, kLineBytes);
  for (const NamedField& f : fields_of(c)) read_field(r, f);
  r.optional_child({"xor", "Address bits XORed into the bits of each coordinate."}, [&](ConfigReader x) {
    for (const NamedField& f : fields_of(c)) read_xor(x, f.name, *f.field);
    x.finish();
  });
  r.finish();
  check_bits(r, c);
  check_counts(r, c, geometry);
  return c;
}

void AddressMap::Extractor::add_bit(unsigned address_bit, unsigned position) {
  const unsigned bit = address_bit - kLineShift;
  while (tables_.size() <= bit / 8) tables_.emplace_back();
  Table& table = tables_[bit / 8];
  for (unsigned byte = 0; byte < table.size(); ++byte) {
    if ((byte >> bit % 8 & 1) != 0) table[byte] ^= uint64_t{1} << position;
  }
}

void AddressMap::Extractor::append(const AddressField& field, unsigned position) {
  for (unsigned i = 0; i < field.bits.size(); ++i, ++position) {
    add_bit(field.bits[i], position);
    for (uint64_t mask = field.masks[i]; mask != 0; mask &= mask - 1)
      add_bit(static_cast<unsigned>(std::countr_zero(mask)), position);
  }
}

AddressMap::AddressMap(const AddressMapConfig& config, const DramGeometry& geometry)
    : channels_(geometry.channels), by_channels_(geometry.channels) {
  if (config.channel_interleave_bytes != 0)
    interleave_shift_ = static_cast<unsigned>(std::countr_zero(config.channel_interleave_bytes));
  channel_.append(config.channel, 0);
  unsigned position = kBankShift;
  for (const AddressField* field : {&config.bank, &config.bank_group, &config.rank}) {
    bank_and_row_.append(*field, position);
    position += static_cast<unsigned>(field->bits.size());
  }
  bank_and_row_.append(config.row, 0);
  column_.append(config.column, 0);
  const uint64_t rows = uint64_t{1} << config.row.bits.size();
  capacity_bytes_ = geometry.channels * geometry.banks() * rows * geometry.row_bytes;
}

}  // namespace mmusim
