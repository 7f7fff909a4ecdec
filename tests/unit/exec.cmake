rj_unit_test(exec-last-lines test-exec-last-lines.c rj-exec rj-util)
rj_unit_test(exec-line-buffer test-exec-line-buffer.c rj-exec rj-util)
rj_unit_test(exec-message test-exec-message.c rj-exec rj-util)
rj_unit_test(exec-model test-exec-model.c rj-exec rj-util)
rj_unit_test(exec-program test-exec-program.c rj-exec rj-util)
rj_unit_test(exec-ready test-exec-ready.c rj-exec rj-util)
rj_unit_test(exec-verdict test-exec-verdict.c rj-exec rj-util)

# What runs real programs shares a table of host functions.
add_library(rj-exec-fake STATIC exec-fake.c exec-set.c)
target_link_libraries(rj-exec-fake PUBLIC rj-exec rj-util PkgConfig::CMOCKA PRIVATE rj-options)
rj_unit_test(exec-run test-exec-run.c rj-exec-fake)
rj_unit_test(exec-tell test-exec-tell.c rj-exec-fake)
rj_unit_test(exec-resident test-exec-resident.c rj-exec-fake)
rj_unit_test(exec-residents test-exec-residents.c rj-exec-fake)
set_tests_properties(unit-exec-resident PROPERTIES TIMEOUT 120) # some of it uses CPU time for a limit
# 77: no pidfd_open(2), as under valgrind 3.19.
set_tests_properties(unit-exec-program unit-exec-run unit-exec-tell unit-exec-resident
  unit-exec-residents PROPERTIES SKIP_RETURN_CODE 77)
