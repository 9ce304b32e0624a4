# SPDX-License-Identifier: MIT
# What `cmake --install` installs: three archives made of the objects of the rooms, the public headers, the program, the
# configurations and traces, and a CMake package: find_package(mmusim), target mmusim::mmusim.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# mmusim_archive(NAME rooms...): lib<NAME>.a with the objects of these libraries.
function(mmusim_archive name)
  set(objects)
  foreach(room ${ARGN})
    list(APPEND objects $<TARGET_OBJECTS:${room}>)
  endforeach()
  add_library(${name}_archive STATIC EXCLUDE_FROM_ALL ${objects})
  set_target_properties(${name}_archive PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE CXX)
  list(APPEND archives ${name}_archive)
  set(archives ${archives} PARENT_SCOPE)
endfunction()

set(archives)
mmusim_archive(mmusim_models mmusim_base mmusim_x86 mmusim_fabric mmusim_tlb mmusim_walker mmusim_cache mmusim_dram
               mmusim_dram_module mmusim_core mmusim_machine)
mmusim_archive(mmusim_mm mmusim_mm)
mmusim_archive(mmusim mmusim_host mmusim_trace mmusim_trace_forms mmusim_workloads mmusim_recorded mmusim_replay mmusim_events mmusim_report
               mmusim_scenario mmusim_dram_driver mmusim_experiment mmusim_facade)
add_custom_target(package_archives ALL DEPENDS ${archives})
foreach(archive ${archives})
  install(FILES $<TARGET_FILE:${archive}> DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/mmusim DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS mmusim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs ${PROJECT_SOURCE_DIR}/traces DESTINATION ${CMAKE_INSTALL_DATADIR}/mmusim)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/licences DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/mmusim)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/mmusimConfig.cmake.in
  ${PROJECT_BINARY_DIR}/mmusimConfig.cmake INSTALL_DESTINATION ${cmake_folder}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mmusimConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mmusimConfig.cmake ${PROJECT_BINARY_DIR}/mmusimConfigVersion.cmake
        DESTINATION ${cmake_folder})
