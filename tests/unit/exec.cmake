rj_unit_test(exec-line-buffer test-exec-line-buffer.c rj-exec rj-util)
rj_unit_test(exec-message test-exec-message.c rj-exec rj-util)
rj_unit_test(exec-model test-exec-model.c rj-exec rj-util)
rj_unit_test(exec-verdict test-exec-verdict.c rj-exec rj-util)
rj_unit_test(exec-run test-exec-run.c rj-exec rj-util)
# 77: no pidfd_open(2), as under valgrind 3.19.
set_tests_properties(unit-exec-run PROPERTIES SKIP_RETURN_CODE 77)
