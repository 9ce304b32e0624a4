// SPDX-License-Identifier: MIT
#include "sim/recorded/recorded_release.h"

#include <nlohmann/json.hpp>

#include "mm/release.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

ordered_json overrides_json(const mm::ProfileOverrides& o) {
  ordered_json overrides = ordered_json::object();
  const auto add = [&](const char* key, const std::optional<bool>& value) {
    if (value) overrides[key] = *value;
  };
  add("sparse_buffer", o.sparse_buffer);
  add("sync_top_level_at_once", o.sync_top_level_at_once);
  add("hvo_protects_bytes_not_pages", o.hvo_protects_bytes_not_pages);
  add("pmd_block_free_loses_pages", o.pmd_block_free_loses_pages);
  add("hvo_batches", o.hvo_batches);
  add("page_kernel_ro_dirty", o.page_kernel_ro_dirty);
  add("memmap_on_memory", o.memmap_on_memory);
  add("memmap_on_memory_per_block", o.memmap_on_memory_per_block);
  add("offline_page_type", o.offline_page_type);
  add("usage_rcu_head", o.usage_rcu_head);
  return overrides;
}

}  // namespace

bool put_release(const std::string& release, ordered_json& kernel, std::vector<std::string>& notes) {
  const auto profile = mm::profile_of_release(release);
  if (!profile) return false;
  kernel["version"] = mm::profile_of(profile->version).name;
  const ordered_json overrides = overrides_json(profile->overrides);
  if (!overrides.empty()) kernel["overrides"] = overrides;
  notes.push_back(mm::describe_release(release));
  return true;
}

}  // namespace mmusim
