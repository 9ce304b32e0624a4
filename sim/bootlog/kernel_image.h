// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/bootlog/evidence.h"

namespace mmusim {

/// Returns the place of the kernel image: where /proc/iomem or a crash dump tells, else at 16 MiB as without KASLR, with
/// the sizes of the line "Memory:"; where no RAM is there (crash kernels), at the first place that has room. A note says
/// the latter. Throws InputError if there is none.
KernelImage place_image(const Evidence& evidence, const std::vector<BootRange>& memory, const std::string& name,
                        std::vector<std::string>& notes);

/// Returns the address of init_top_pgt: where a crash dump tells, else as far behind the start of the image's data as in
/// Debian's 6.1.
PhysAddr root_of(const Evidence& evidence, const KernelImage& image);

/// Returns the memory that memblock had given away when sparse_init began, as far as it is known. `complete` is set if
/// the log tells all of it.
std::vector<PhysRange> reserved_of(const Evidence& evidence, const KernelImage& image,
                                   const std::vector<BootRange>& memory, bool& complete,
                                   std::vector<std::string>& notes);

}  // namespace mmusim
