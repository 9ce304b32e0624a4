// SPDX-License-Identifier: MIT
#include "sim/recorded/page_table_image.h"

#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/trace/byte_stream.h"

namespace mmusim {

namespace {

using nlohmann::json;

constexpr size_t kRecordBytes = sizeof(uint64_t) + kPageBytes;
constexpr std::string_view kTableSuffixes[] = {".ptimg", ".ptimg.xz", ".ptimg.zst", ".ptimg.gz"};

std::vector<ImageKind>& further_kinds() {
  static std::vector<ImageKind> kinds;
  return kinds;
}

const ImageKind* kind_of(const std::string& path) {
  for (const ImageKind& kind : further_kinds()) {
    if (kind.recognises(path)) return &kind;
  }
  return nullptr;
}

struct ImagePaths {
  std::string tables;
  std::string json;
};

std::string without(const std::string& path, std::string_view suffix) {
  return path.substr(0, path.size() - suffix.size());
}

ImagePaths paths_of(const std::string& path) {
  for (const std::string_view suffix : kTableSuffixes) {
    if (path.ends_with(suffix)) return {path, without(path, suffix) + ".json"};
  }
  if (!path.ends_with(".json")) {
    throw InputError(path + ": expected a page-table image: NAME.ptimg.xz or the NAME.json beside it");
  }
  const std::string stem = without(path, ".json");
  for (const std::string_view suffix : kTableSuffixes) {
    if (std::filesystem::exists(stem + std::string(suffix))) return {stem + std::string(suffix), path};
  }
  throw InputError(fmt::format("{}: no page tables beside it, expected {}.ptimg.xz", path, stem));
}

/// The registers of the JSON file; everything wrong is collected.
void read_description(const json& document, PageTableImage& image, ConfigErrors& errors) {
  ConfigReader reader(document, "", errors);
  reader.read("name", image.name);
  std::string cmdline;
  reader.read("cmdline", cmdline);
  image.randomized = (" " + cmdline + " ").find(" nokaslr ") == std::string::npos;
  ControlRegisters registers;
  ProcessorTraits traits;
  uint64_t levels = 0;
  std::optional<PhysAddr> root;
  for (const char* key : {"levels", "cr0", "cr3", "cr4", "efer"}) reader.check(reader.has(key), key, "missing");
  reader.read("levels", levels, 4, 5);
  reader.read("cr0", registers.cr0);
  reader.read("cr3", registers.cr3);
  reader.read("cr4", registers.cr4);
  reader.read("efer", registers.efer);
  reader.read("root_pa", root);
  reader.read("phys_bits", traits.phys_bits, 36, kMaxPhysBits);
  if (!errors.empty()) return;
  if (const auto why = contradiction(registers, traits)) errors.add("", *why);
  image.control = ControlState(registers, traits);
  reader.check(image.control.levels() == levels && is_long_mode(image.control.mode()), "levels",
               "{} given, but the control registers say {}", levels, name_of(image.control.mode()));
  if (root) {
    reader.check(*root == image.control.root(), "root_pa", "{} given, but CR3 says {}", *root, image.control.root());
  }
}

void read_guest_memory(const json& document, PageTableImage& image, ConfigErrors& errors) {
  const auto map = document.find("guest_phys_map");
  if (map == document.end()) return;
  size_t i = 0;
  for (const json& item : *map) {
    const bool shaped =
        item.is_array() && item.size() == 3 && item[0].is_string() && item[1].is_string() && item[2].is_string();
    const auto begin = shaped ? parse_number(item[0].get<std::string>()) : std::nullopt;
    const auto end = shaped ? parse_number(item[1].get<std::string>()) : std::nullopt;
    if (!begin || !end || *begin >= *end) {
      errors.add(fmt::format("/guest_phys_map/{}", i), "expected [begin, end, kind]");
    } else {
      image.guest_memory.push_back({PhysAddr(*begin), PhysAddr(*end), item[2].get<std::string>() == "ram"});
    }
    ++i;
  }
}

void load_tables(const std::string& path, PageTableImage& image, PhysMem& memory) {
  ByteInput input = open_bytes(path);
  ByteReader reader(std::move(input.source));
  const unsigned phys_bits = image.control.traits().phys_bits;
  std::optional<PhysAddr> previous;
  bool root_seen = false;
  const auto damaged = [&](const std::string& what) {
    return InputError(fmt::format("{}: record {} at byte {}: {}", path, image.table_pages, reader.offset(), what));
  };
  try {
    while (!reader.at_end()) {
      if (!reader.need(kRecordBytes)) {
        throw damaged(fmt::format("truncated: {} of {} bytes", reader.available(), kRecordBytes));
      }
      uint64_t raw;
      std::memcpy(&raw, reader.data(), sizeof raw);
      const PhysAddr table(raw);
      if (raw >> phys_bits != 0 || !table.is_aligned(kPageBytes)) {
        throw damaged(fmt::format("{} is no address of a table page within {} bits", table, phys_bits));
      }
      if (previous && table <= *previous) throw damaged(fmt::format("{} after {}: not ascending", table, *previous));
      previous = table;
      root_seen = root_seen || table == image.control.root();
      memory.write(table, std::as_bytes(std::span(reader.data() + sizeof raw, kPageBytes)));
      reader.consume(kRecordBytes);
      ++image.table_pages;
    }
  } catch (const TraceDamage& e) {
    throw damaged(e.what());
  }
  if (!root_seen) throw InputError(fmt::format("{}: the root table at {} is missing", path, image.control.root()));
}

}  // namespace

RootChoice parse_root_choice(const std::string& text) {
  if (text.empty()) return {};
  if (text == "kernel") return {.cr3 = std::nullopt, .kernel = true};
  auto value = parse_number(text);
  if (!text.starts_with("0x")) value = parse_number("0x" + text);  // as crash and QEMU print it
  if (!value) throw InputError(fmt::format("--cr3 {:.40}: expected a hexadecimal number, or kernel", text));
  return {.cr3 = value, .kernel = false};
}

void add_image_kind(const ImageKind& kind) { further_kinds().push_back(kind); }

bool is_page_table_image(const std::string& path) {
  for (const std::string_view suffix : kTableSuffixes) {
    if (path.ends_with(suffix)) return true;
    if (path.ends_with(".json") && std::filesystem::exists(without(path, ".json") + std::string(suffix))) return true;
  }
  return kind_of(path) != nullptr;
}

PageTableImage load_page_table_image(const std::string& path, PhysMem& memory, const RootChoice& root) {
  if (const ImageKind* kind = kind_of(path)) return kind->load(path, memory, root);
  const ImagePaths paths = paths_of(path);
  PageTableImage image;
  image.json_path = paths.json;
  const json document = parse_json_file(paths.json);
  ConfigErrors errors(paths.json);
  if (!document.is_object()) {
    errors.add("", "expected an object");
  } else {
    read_description(document, image, errors);
    read_guest_memory(document, image, errors);
  }
  errors.throw_if_any();
  if (root.kernel) throw InputError(path + ": --cr3 kernel: an image does not tell the kernel's own tables");
  if (root.cr3) image.control.set_cr3(*root.cr3);
  load_tables(paths.tables, image, memory);
  return image;
}

}  // namespace mmusim
