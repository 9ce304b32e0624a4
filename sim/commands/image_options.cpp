// SPDX-License-Identifier: MIT
#include "sim/commands/image_options.h"

namespace mmusim {

void add_cr3_option(CommandLine command, std::string& cr3) {
  command
      .add_option("--cr3", cr3,
                  "CR3 of an image or crash dump, in hexadecimal, or \"kernel\" for the dumped kernel's own tables; if "
                  "missing, that of its first processor")
      .type_name("CR3|kernel");
}

}  // namespace mmusim
