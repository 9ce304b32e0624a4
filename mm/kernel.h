// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mm/config.h"
#include "mm/kernel_memory.h"
#include "mm/layout.h"
#include "mm/observer.h"
#include "mm/result.h"
#include "models/base/phys_mem.h"

namespace mmusim::mm {

/// One non-zero entry of the page tables that map the vmemmap region, as `run --tables` prints it.
struct TableEntry {
  unsigned level;
  VirtAddr va;
  unsigned index;
  PhysAddr table_pa;
  uint64_t value;
};

/// Walks simulated memory from the root at `root` and returns every non-zero entry that maps part of
/// [start, start + bytes), depth first, ascending: the schema of recorded tables.
std::vector<TableEntry> dump_tables(const PhysMem& memory, PhysAddr root, unsigned levels, VirtAddr start,
                                    uint64_t bytes);

enum class OnlineZone : uint8_t { kNormal, kMovable };

/// What set_memory_ro and set_memory_rw make of pages.
enum class MemoryProtection : uint8_t { kReadOnly, kWritable };

struct Process;  ///< mm/process.h

/// System calls that take memory, or the right to write it, from a process.
enum class UserOperation : uint8_t {
  kProtect,   ///< mprotect(PROT_READ)
  kDontNeed,  ///< madvise(MADV_DONTNEED)
  kUnmap,     ///< munmap
};
constexpr const char* name_of(UserOperation operation) {
  constexpr const char* kNames[] = {"mprotect", "madvise", "munmap"};
  return kNames[static_cast<unsigned>(operation)];
}

/// The memory that holds the struct pages of device memory.
enum class DeviceMemmap : uint8_t {
  kRam,     ///< ordinary memory (nd_pfn mode "ram", hmem)
  kDevice,  ///< an altmap at the start of the device (nd_pfn/nd_dax mode "pmem")
};

/// A range given to memremap_pages.
struct DeviceMemory {
  PhysAddr start;      ///< 2 MiB aligned
  uint64_t bytes = 0;  ///< a multiple of 2 MiB
  unsigned node = 0;
  DeviceMemmap memmap = DeviceMemmap::kRam;
  uint64_t align = kPmdBytes;   ///< alignment of the data in a pmem namespace
  bool pmem_namespace = true;   ///< starts with the 8 KiB info block of nd_pfn (kDevice always does)
  unsigned vmemmap_shift = 0;   ///< log2 of the pages of a compound page: 0, 9 (2 MiB) or 18 (1 GiB)
  bool device_private = false;  ///< no direct map [L-6]
};

/// A HugeTLB folio: first page frame and order (9: 2 MiB, 18: 1 GiB).
struct Folio {
  Pfn head;
  unsigned order = 9;
};

/// The size of a memory block on a machine whose memory ends at `end` (exclusive): 128 MiB below 64 GiB of address
/// space; else 2 GiB, on a hypervisor the largest power of two up to that which divides `end`
/// [arch/x86/mm/init_64.c: probe_memory_block_size].
uint64_t probe_memory_block_size(PhysAddr end, bool hypervisor);

struct MemoryCounts {
  uint64_t total_pages = 0;  ///< pages the buddy allocator owns or gave out
  uint64_t free_pages = 0;
  uint64_t vmemmap_table_pages = 0;   ///< table pages of the vmemmap, the top one left out
  uint64_t vmemmap_blocks_pages = 0;  ///< pages of memory that hold struct pages
  uint64_t leaked_pages = 0;  ///< pages lost by kernel behaviour that is modelled (failed boot populate, 6.19 bug)
};

/// Deferred struct-page initialisation, shared out among cores (mm/deferred_init.h).
class DeferredWork {
 public:
  virtual ~DeferredWork() = default;
  /// Does the share of core `worker` (0 ... workers - 1). All are called at the same time, each on its core. A single
  /// worker does everything, in ascending order.
  virtual void work(unsigned worker) = 0;
};

/// The kernel's memory management around the vmemmap: boot, hotplug, devices, HugeTLB vmemmap optimisation.
///
/// Every load, store and flush goes through the KernelMemory; what happens is told to the observer. Not thread-safe.
class Kernel {
 public:
  Kernel(const KernelConfig& config, const MemoryMap& map, KernelMemory& memory, Observer* observer = nullptr);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  /// init_mem_mapping, sparse_init, (memmap_init), memblock_free_all, registration of boot memmap pages.
  /// kNoMemory if a section could not be populated; the others are then there, as in the kernel. Throws InputError if
  /// the memory map contradicts itself or the configuration.
  Errno boot();
  /// The initcall hugetlb_init, once, some time after boot(): gigantic folios that boot reserved lose the write
  /// permission of their tails, or are optimised now (Profile::boot_folios). Does nothing without such folios.
  Errno hugetlb_init();

  /// add_memory_resource: [start, start + bytes) in whole memory blocks. `memmap_on_memory`: the configured value
  /// unless given.
  Errno hot_add(PhysAddr start, uint64_t bytes, unsigned node, std::optional<bool> memmap_on_memory = {});
  /// arch_add_memory alone: any multiple of 2 MiB, as sub-section hotplug does it.
  Errno add_pages(PhysAddr start, uint64_t bytes, unsigned node);
  /// arch_remove_memory alone.
  Errno remove_pages(PhysAddr start, uint64_t bytes);
  /// Onlines the offline memory blocks within the range.
  Errno online(PhysAddr start, uint64_t bytes, OnlineZone zone = OnlineZone::kMovable);
  /// kBusy if a page of the range is in use.
  Errno offline(PhysAddr start, uint64_t bytes);
  /// remove_memory: offline blocks (offlines online ones first).
  Errno hot_remove(PhysAddr start, uint64_t bytes);

  /// memremap_pages: device memory; see DeviceMemory.
  Errno add_device(const DeviceMemory& device);
  /// memunmap_pages of the device that starts at `start`.
  Errno remove_device(PhysAddr start);

  /// Takes `count` folios of `order` from the free lists (node first), without optimising; fewer if memory is short.
  std::vector<Folio> hugetlb_alloc(unsigned order, uint64_t count, unsigned node);
  /// Like hugetlb_alloc(), but spreads the folios evenly over the free memory of the node, as after a long uptime.
  std::vector<Folio> hugetlb_alloc_scattered(unsigned order, uint64_t count, unsigned node);
  /// Takes these very folios out of the free lists, as far as their pages are free.
  void hugetlb_claim(std::span<const Folio> folios);
  /// hugetlb_vmemmap_optimize_folios, or one by one where the version has no batches.
  Errno hugetlb_optimize(std::span<const Folio> folios);
  /// hugetlb_vmemmap_optimize_folio and _restore_folio: one folio, as pages beyond the pool are handled.
  Errno hugetlb_optimize_one(const Folio& folio);
  Errno hugetlb_restore_one(const Folio& folio);
  /// demote_free_hugetlb_folios: a 1 GiB folio that was taken becomes 512 of 2 MiB, which are put into `small` and
  /// optimised. kInvalid if it was not taken.
  Errno hugetlb_demote(const Folio& folio, std::vector<Folio>& small);
  /// hugetlb_vmemmap_restore_folios.
  Errno hugetlb_restore(std::span<const Folio> folios);
  /// Gives the pages of restored folios back to the buddy allocator.
  void hugetlb_free(std::span<const Folio> folios);
  /// Folios that are not free: allocated, claimed, or reserved by boot and not freed since; ascending.
  std::vector<Folio> hugetlb_folios() const;
  /// Gigantic folios that boot reserved, in that order.
  std::vector<Folio> boot_folios() const;
  /// Folios that are optimised now, in the order in which they became so.
  std::vector<Folio> hugetlb_optimized() const;

  /// alloc_pages_node / __free_pages; the address of the first page, nullopt if memory is short.
  std::optional<Pfn> alloc_pages(unsigned order, unsigned node);
  void free_pages(Pfn pfn, unsigned order);

  /// As alloc_pages(), `count` times, from places of 2 MiB spread evenly over the free memory of the node, as after a long
  /// uptime; fewer if memory is short. `order` is at most 9.
  std::vector<Pfn> alloc_pages_scattered(unsigned order, uint64_t count, unsigned node);

  /// set_memory_ro or set_memory_rw of pages of the direct map; kNoMemory if a large page cannot be split. `alias`: a
  /// mapping of these pages elsewhere (a module, a BPF program) was changed, and the direct map follows.
  Errno set_memory(PhysAddr start, uint64_t pages, MemoryProtection protection, bool alias);

  /// The rest of struct-page initialisation, for so many cores. Must not outlive the kernel.
  std::unique_ptr<DeferredWork> deferred_init(unsigned workers);

  /// A new process: its top-level table is linked into pgd_list and gets the kernel slots. Its root.
  std::optional<PhysAddr> create_process();

  /// A process without threads and memory; nullptr if there is no page for its top-level table. It lives as long as the
  /// kernel.
  Process* start_process();
  /// A thread of it runs on each of the first `cpus` CPUs from now on. Those on other CPUs sleep: these CPUs idle, with its
  /// address space still loaded [S-20].
  void run_threads(Process& process, unsigned cpus);
  /// Maps anonymous memory at [start, start + pages) and writes to each page. kNoMemory: what comes before is mapped.
  Errno touch_user_memory(Process& process, VirtAddr start, uint64_t pages);
  /// The system call for a whole area that touch_user_memory() has mapped, with its flush of all CPUs that need it;
  /// kInvalid for anything else.
  Errno change_user_memory(Process& process, UserOperation operation, VirtAddr start, uint64_t pages);

  /// From now on, counting from 1 (see FailAllocation).
  void fail_allocation(const FailAllocation& fail);

  const KernelConfig& config() const;
  const Layout& layout() const;
  PhysAddr root() const;  ///< init_top_pgt
  uint64_t memory_block_bytes() const;
  MemoryCounts counts() const;
  /// [C-7], read from the section tables in memory.
  bool pfn_valid(Pfn pfn);
  /// Address of the mem_section entry of a section; nullopt where no root exists. Touches no simulated memory.
  std::optional<VirtAddr> section_entry(uint64_t section) const;
  /// Address of the subsection_map of a section; nullopt if it has none.
  std::optional<VirtAddr> subsection_map_address(uint64_t section);
  /// section_mem_map of a section as it stands in memory; 0 if the section is absent.
  uint64_t section_mem_map(uint64_t section);
  /// subsection_map of a section; 0 if absent.
  uint64_t subsection_map(uint64_t section);
  /// dump_tables of the whole vmemmap region.
  std::vector<TableEntry> vmemmap_tables(const PhysMem& memory) const;

  struct Parts;  ///< mm/parts.h: the parts below this facade, for tests of single functions

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace mmusim::mm
