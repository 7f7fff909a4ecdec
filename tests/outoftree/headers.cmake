# The plugin header as somebody else has it: in RJ_LATER_HEADER_DIR the one of a later version, in
# which every struct that plugins make has one member more; in RJ_EARLIER_HEADER_DIR that of 1.0.
set(RJ_LATER_HEADER_DIR ${CMAKE_CURRENT_BINARY_DIR}/later)
set(RJ_EARLIER_HEADER_DIR ${CMAKE_CURRENT_BINARY_DIR}/earlier)

# write_header(DIRECTORY FROM TO...): each FROM, a regular expression, becomes TO.
function(write_header directory)
  set(header ${PROJECT_SOURCE_DIR}/include/registry-job/plugin.h)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  file(READ ${header} text)
  while(ARGN)
    list(POP_FRONT ARGN from to)
    string(REGEX REPLACE "${from}" "${to}" changed "${text}")
    if(changed STREQUAL text)
      message(FATAL_ERROR "${header} has nothing like '${from}'")
    endif()
    set(text "${changed}")
  endwhile()
  file(CONFIGURE OUTPUT ${directory}/registry-job/plugin.h CONTENT "${text}" @ONLY)
endfunction()

write_header(${RJ_LATER_HEADER_DIR}
  "const char \\*help" "const char *help, *more_of_param"
  "int32_t external_identity_id" "int32_t external_identity_id, more_of_record"
  "uint32_t reserved" "uint32_t reserved, more_of_model"
  "(void \\(\\*close\\)[^;]*)" "\\1, (*more_of_plugin)(void)")

write_header(${RJ_EARLIER_HEADER_DIR}
  "RJ_ABI_MINOR 1u" "RJ_ABI_MINOR 0u"
  "#define RJ_RECORD_CANCELED[^\n]*\n" ""
  " *void \\*state[^\n]*\n" ""
  "\n *\n */\\*\n *\\* Since 1.1, each may be NULL.*void \\(\\*close\\)[^\n]*\n" "\n")
