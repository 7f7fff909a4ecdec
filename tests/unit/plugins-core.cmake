set(example ${PROJECT_SOURCE_DIR}/plugins/example)
rj_unit_test(plugin-example test-plugin-example.c rj-plugin-api)
target_sources(test-plugin-example PRIVATE
  ${example}/example.c ${example}/count_job.c ${example}/ending.c ${example}/trace.c)

# The functions of libpq that reach a server play a script here; those that only read a result are
# the real ones.
rj_unit_test(plugin-corejob test-plugin-corejob.c corejob-objects)
target_link_options(test-plugin-corejob PRIVATE
  LINKER:--wrap=PQexecParams LINKER:--wrap=PQresultErrorField LINKER:--wrap=PQstatus)
