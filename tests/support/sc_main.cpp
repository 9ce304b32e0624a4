// SPDX-License-Identifier: MIT
// SystemC owns main(); tests that elaborate modules enter here. A SystemC warning fails the test.
#include <gtest/gtest.h>

#include <systemc>

int sc_main(int argc, char** argv) {
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DISPLAY | sc_core::SC_THROW);
  sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
