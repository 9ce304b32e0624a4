// SPDX-License-Identifier: MIT
#pragma once

#include <archive.h>
#include <archive_entry.h>

namespace mmusim {

/// The functions of libarchive that reading a tar archive takes. The library is loaded when the first archive is read, not
/// when the program starts: with libxml2 and ICU, which it brings along, it maps 35 MiB, more than all the rest.
struct TarLibrary {
  decltype(&archive_read_new) read_new;
  decltype(&archive_read_free) read_free;
  decltype(&archive_read_support_format_tar) support_tar;
  decltype(&archive_read_open) open;
  decltype(&archive_read_next_header) next_header;
  decltype(&archive_read_data) data;
  decltype(&archive_error_string) error_string;
  decltype(&archive_entry_pathname) pathname;
  decltype(&archive_entry_filetype) filetype;
};

/// Loads the library, once. Throws EnvironmentError if the host has none.
const TarLibrary& tar_library();

}  // namespace mmusim
