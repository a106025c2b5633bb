stc_test(unit/populations USES neurons base ENV STC_POPULATION_DATA=${PROJECT_SOURCE_DIR}/tests/data/populations)
