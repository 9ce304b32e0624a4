// SPDX-License-Identifier: MIT
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "mm/buddy.h"
#include "mm/memblock.h"
#include "mm/page_table.h"

namespace mmusim::mm {

/// Pages that memblock handed out and that can be given back later: tables and struct-page storage of boot sections,
/// with the references of register_page_bootmem_info_node [mm/bootmem_info.c].
class Bootmem {
 public:
  Bootmem(Context& context, Memblock& memblock, Buddy& buddy, PageTables& tables)
      : context_(context), memblock_(memblock), buddy_(buddy), tables_(tables) {}

  /// register_page_bootmem_memmap: get_page_bootmem on each page behind the section's struct pages, walking the tables.
  void register_memmap(uint64_t section);
  /// register_page_bootmem_info_section's own part: the page that holds the section's usage map.
  void register_usage(PhysAddr usage);
  /// register_page_bootmem_info_node's own part: the pages of the node's pgdat.
  void register_pgdat(PhysAddr pgdat, uint64_t bytes);
  /// PG_reserved: the page came from memblock and was not given back.
  bool is_boot_page(Pfn pfn) const;
  /// put_page_bootmem, or free_reserved_page for a page without references: true if the page went to the buddy.
  bool put_page(Pfn pfn);

 private:
  void get_page(PhysAddr page);
  void get_table_page(PhysAddr page, unsigned level);

  Context& context_;
  Memblock& memblock_;
  Buddy& buddy_;
  PageTables& tables_;
  std::unordered_map<uint64_t, uint32_t> table_references_;  // above one; leaf pages have exactly one
  std::unordered_set<uint64_t> given_back_;
  struct LastTable {
    uint64_t pfn = ~uint64_t{0};
    uint32_t* references = nullptr;
  };
  LastTable last_[6];  // by level: neighbouring struct pages share their tables
};

}  // namespace mmusim::mm
