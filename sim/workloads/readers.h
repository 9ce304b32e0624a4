// SPDX-License-Identifier: MIT
#pragma once

#include "sim/workloads/workload.h"

namespace mmusim {

// Readers of the parameters of each kind of workload, by family. The tags K1-K17 are those of section 7 of the vmemmap
// specification; K18 is the phase "hugetlb", deferred initialisation on several cores the phase "deferred_init".

// address_patterns.cpp: addresses without a kernel behind them
WorkloadPlan read_sequential(ConfigReader& reader);
WorkloadPlan read_strided(ConfigReader& reader);
WorkloadPlan read_uniform(ConfigReader& reader);
WorkloadPlan read_pointer_chase(ConfigReader& reader);
WorkloadPlan read_zipf(ConfigReader& reader);

// pfn_scans.cpp: page frames one after the other
WorkloadPlan read_linear_pfn_scan(ConfigReader& reader);
WorkloadPlan read_random_pfn(ConfigReader& reader);
WorkloadPlan read_kpageflags(ConfigReader& reader);      // K1
WorkloadPlan read_kpagecount(ConfigReader& reader);      // K2
WorkloadPlan read_unmovable_scan(ConfigReader& reader);  // K5
WorkloadPlan read_movable_scan(ConfigReader& reader);    // K6
WorkloadPlan read_crash_dump(ConfigReader& reader);      // K16
WorkloadPlan read_memmap_init(ConfigReader& reader);     // K17

// compaction.cpp
WorkloadPlan read_compaction(ConfigReader& reader);    // K3 and K4, alternating
WorkloadPlan read_free_scanner(ConfigReader& reader);  // K4 alone

// buddy_paths.cpp
WorkloadPlan read_buddy_free(ConfigReader& reader);   // K7
WorkloadPlan read_buddy_alloc(ConfigReader& reader);  // K8
WorkloadPlan read_pcp_churn(ConfigReader& reader);    // K9

// user_paths.cpp
WorkloadPlan read_anon_fault(ConfigReader& reader);  // K10
WorkloadPlan read_zap(ConfigReader& reader);         // K11
WorkloadPlan read_reclaim(ConfigReader& reader);     // K12
WorkloadPlan read_gup_fast(ConfigReader& reader);    // K13
WorkloadPlan read_page_cache(ConfigReader& reader);  // K14
WorkloadPlan read_page_ext(ConfigReader& reader);    // K15

// registry.cpp
WorkloadPlan read_mix(ConfigReader& reader);

}  // namespace mmusim
