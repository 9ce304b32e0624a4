// SPDX-License-Identifier: MIT
#pragma once

#include "models/base/config.h"
#include "models/base/set_array.h"

namespace mmusim {

/// Reads the geometry of a structure that may be absent: it stays as it is without the key.
inline void read_structure_geometry(ConfigReader& reader, ConfigKey key, Geometry& geometry) {
  reader.optional_child(key, [&](ConfigReader r) {
    read_geometry(r, geometry);
    r.ignore("source");
    r.finish();
  });
}

}  // namespace mmusim
